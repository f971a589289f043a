{# M02 now: revenue, cost of goods and margin of a customer since the first order, credits and refunds taken off. #}
with

costs as (

    select
        order_id,
        sum(cost_usd) as cost_usd
    from {{ ref("order_lines") }}
    group by order_id

)

select
    orders.customer_id,
    as_of.as_of_date,
    min(orders.order_date) filter (not orders.is_credit_note) as first_order_date,
    count(*) filter (not orders.is_credit_note) as orders_count,
    sum(orders.revenue_usd)::decimal(18, 2) as revenue_usd,
    coalesce(sum(costs.cost_usd), 0)::decimal(18, 2) as cost_usd,
    (sum(orders.revenue_usd) - coalesce(sum(costs.cost_usd), 0))::decimal(18, 2) as margin_usd,
    (sum(orders.revenue_usd) / nullif(count(*) filter (not orders.is_credit_note), 0))::decimal(18, 2) as mean_order_usd
from {{ ref("orders") }} as orders
cross join {{ ref("int_as_of") }} as as_of
left join costs on orders.order_id = costs.order_id
where orders.customer_id is not null and orders.order_date <= as_of.as_of_date
group by orders.customer_id, as_of.as_of_date
