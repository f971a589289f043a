{# Schemas are named as declared, without a prefix: marts.customers is what analysts type. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ custom_schema_name or target.schema }}
{%- endmacro %}
