{# Orders of the shop side, summed from their lines. #}
select
    'adventureworks:' || order_number as order_id,
    'adventureworks' as source,
    'web' as channel,
    order_number,
    'awshop_customers:' || any_value(customer_key) as record_key,
    false as is_credit_note,
    cast(min(ordered_on) as timestamp) as ordered_at,
    'USD' as currency,
    sum(sales_usd) as order_total,
    cast(0 as decimal(18, 2)) as refunded_amount
from {{ source("adventureworks", "awshop_sales") }}
group by order_number
