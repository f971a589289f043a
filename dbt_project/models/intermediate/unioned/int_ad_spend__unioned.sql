{# What was spent on ads, of all platforms. #}
{{ conformed("ad_spend", ["googleads", "meta"]) }}
