{# Lines of orders of all sources, one row per line. #}
{{ conformed("order_lines") }}
