{# The date everything is computed for: as asked, else the newest day with an order, a visit or a send. #}
with

newest as (

    select max(ordered_at)::date as newest_date from {{ ref("int_orders__unioned") }}
    union all
    select max(occurred_at)::date from {{ ref("int_web_events__unioned") }}
    union all
    select max(occurred_at)::date from {{ ref("int_email_events__unioned") }}

)

select
    {% if var("as_of_date") %}
        date '{{ var("as_of_date") }}' as as_of_date
    {% else %}
        coalesce(max(newest_date), date '1970-01-01') as as_of_date
    {% endif %}
from newest
