{# The declared weight of a part of a score, as a scalar. #}
{% macro weight(score, component) -%}
    (select max(weight) from {{ ref("score_weights") }} where score = '{{ score }}' and component = '{{ component }}')
{%- endmacro %}

{# A score of parts from 0 to 100 by declared weights; a part that is null takes no part, the rest is scaled up. #}
{% macro weighted_score(score, parts) -%}
    (
        ({% for part in parts %}coalesce({{ part }} * {{ weight(score, part) }}, 0){{ " + " if not loop.last }}{% endfor %})
        / nullif({% for part in parts %}case when {{ part }} is null then 0 else {{ weight(score, part) }} end{{ " + " if not loop.last }}{% endfor %}, 0)
    )::decimal(5, 1)
{%- endmacro %}
