{# Households with their people and what they bought together. #}
select
    homes.household_id,
    count(*) as members_count,
    min(homes.reason) as reason,
    coalesce(sum(spent.revenue_usd), 0) as lifetime_revenue_usd,
    coalesce(sum(spent.orders_count), 0)::bigint as orders_count,
    max(spent.last_order_date) as last_order_date
from {{ source("identity", "households") }} as homes
left join (
    select
        customer_id,
        sum(revenue_usd) as revenue_usd,
        count(*) filter (not is_credit_note) as orders_count,
        max(order_date) as last_order_date
    from {{ ref("orders") }}
    where customer_id is not null
    group by customer_id
) as spent on homes.customer_id = spent.customer_id
where homes.household_id is not null
group by homes.household_id
