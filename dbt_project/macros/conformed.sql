{# All sources of one kind of thing, by name: int_<thing>__<source> for each source in var conformed. #}
{% macro conformed(thing) -%}
    {%- for source_name in var("conformed")[thing] %}
    select * from {{ ref("int_" ~ thing ~ "__" ~ source_name) }}
    {%- if not loop.last %} union all by name {% endif -%}
    {%- endfor %}
{%- endmacro %}
