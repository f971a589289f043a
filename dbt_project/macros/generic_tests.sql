{% test unique_combination(model, columns) %}
select {{ columns | join(", ") }}
from {{ model }}
group by {{ columns | join(", ") }}
having count(*) > 1
{% endtest %}

{% test accepted_range(model, column_name, min_value=none, max_value=none) %}
select {{ column_name }}
from {{ model }}
where false
{% if min_value is not none %} or {{ column_name }} < {{ min_value }} {% endif %}
{% if max_value is not none %} or {{ column_name }} > {{ max_value }} {% endif %}
{% endtest %}

{% test sums_to(model, column_name, total) %}
select sum({{ column_name }}) as found from {{ model }} having abs(sum({{ column_name }}) - {{ total }}) > 0.000001
{% endtest %}

{# Weights of each group add up to one. #}
{% test sums_to_one_by(model, column, by) %}
select
    {{ by }},
    sum({{ column }}) as found
from {{ model }}
group by {{ by }}
having abs(sum({{ column }}) - 1) > 0.000001
{% endtest %}

{# Bands of each group meet: no gap and no overlap. #}
{% test bands_meet(model, by) %}
select *
from (
    select
        *,
        lead(from_value) over (partition by {{ by }} order by from_value) as next_from
    from {{ model }}
)
where next_from <> until_value or from_value >= until_value
{% endtest %}

{# A key: never null and never twice, in one pass. #}
{% test primary_key(model, column_name) %}
select {{ column_name }}
from {{ model }}
group by {{ column_name }}
having count(*) > 1 or {{ column_name }} is null
{% endtest %}
