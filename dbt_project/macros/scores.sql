{# One to five by rank, equal values equal scores. ntile would put equal values into different fifths. #}
{% macro fifth(column, descending=false) -%}
    1 + least(floor(percent_rank() over (order by {{ column }} {{ "desc" if descending else "asc" }}) * 5), 4)::integer
{%- endmacro %}

{% macro surrogate_key(columns) -%}
    md5(concat_ws('|', {% for column in columns %}coalesce({{ column }}::varchar, '∅'){{ ", " if not loop.last }}{% endfor %}))
{%- endmacro %}
