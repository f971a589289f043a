{# Deals of all sources, one row per deal. #}
{{ conformed("opportunities", ["salesforce", "hubspot"]) }}
