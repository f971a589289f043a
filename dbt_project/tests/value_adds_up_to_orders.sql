{# Revenue in lifetime values, and in the cohorts, is the revenue of all resolved orders, to the cent. #}
with

sums as (

    select
        (select sum(revenue_usd) from {{ ref("orders") }}
where customer_id is not null) as orders_usd,
        (select sum(revenue_usd) from {{ ref("lifetime_value") }}) as values_usd

)

select *
from sums
where orders_usd is distinct from values_usd
