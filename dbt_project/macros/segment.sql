{# A segment is the customers for whom a condition over the customers mart holds. #}
{% macro segment(condition) -%}
select
    customer_id,
    as_of_date
from {{ ref("customers") }}
where {{ condition }}
{%- endmacro %}
