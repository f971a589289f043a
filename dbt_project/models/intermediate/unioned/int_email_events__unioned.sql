{# What happened to e-mails, of all sources, one row per action. #}
{{ conformed("email_events") }}
