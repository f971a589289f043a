{# M01: recency, frequency, monetary value of customers with an order in the window. Scores are fifths by rank: equal
   values get equal scores, five is best. #}
with

facts as (

    select
        orders.customer_id,
        as_of.as_of_date,
        as_of.as_of_date - max(orders.order_date) filter (not orders.is_credit_note) as recency_days,
        count(*) filter (not orders.is_credit_note) as frequency,
        sum(orders.revenue_usd) as monetary_usd
    from {{ ref("orders") }} as orders
    cross join {{ ref("int_as_of") }} as as_of
    where
        orders.customer_id is not null
        and orders.order_date > as_of.as_of_date - {{ var("rfm_window_days") }}
        and orders.order_date <= as_of.as_of_date
    group by orders.customer_id, as_of.as_of_date
    having count(*) filter (not orders.is_credit_note) > 0

)

select
    *,
    {{ fifth("recency_days", descending=true) }} as recency_score,
    {{ fifth("frequency") }} as frequency_score,
    {{ fifth("monetary_usd") }} as monetary_score
from facts
