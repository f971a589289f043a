{# Tickets and cases of all sources, one row per ticket. #}
{{ conformed("tickets", ["zendesk", "salesforce"]) }}
