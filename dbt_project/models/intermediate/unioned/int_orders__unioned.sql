{# Orders and credit notes of all sources, one row per order. #}
{{ conformed("orders") }}
