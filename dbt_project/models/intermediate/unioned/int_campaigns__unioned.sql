{# Campaigns of all sources, one row per campaign. #}
{{ conformed("campaigns", ["salesforce", "googleads", "meta", "mailchimp", "klaviyo"]) }}
