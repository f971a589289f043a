{# Products of all sources, one row per product. #}
{{ conformed("products") }}
