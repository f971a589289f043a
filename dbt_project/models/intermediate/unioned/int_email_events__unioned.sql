{# What happened to e-mails, of all sources, one row per action. #}
{{ config(meta={"key_follows": key_of_shipped("email_events", ["mailchimp", "klaviyo", "sendgrid"])}) }}
{{ conformed("email_events") }}
