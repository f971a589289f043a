{# Open items of all sources, one row per item. #}
{{ conformed("receivables") }}
