{# Revenue orders and credit notes of all sources. An order whose buyer is not resolved keeps a null customer, so that
   revenue always adds up to the sources' own totals. #}
select
    orders.order_id,
    orders.source,
    orders.channel,
    orders.order_number,
    members.customer_id,
    orders.is_credit_note,
    orders.ordered_at,
    orders.ordered_at::date as order_date,
    orders.currency,
    cast(orders.order_total as decimal(18, 4)) as order_total,
    cast(orders.refunded_amount as decimal(18, 4)) as refunded_amount,
    cast(orders.order_total - orders.refunded_amount as decimal(18, 4)) as revenue,
    cast((orders.order_total - orders.refunded_amount) * rates.usd_per_unit as decimal(18, 2)) as revenue_usd
from {{ ref("int_orders__unioned") }} as orders
left join {{ source("identity", "members") }} as members on orders.record_key = members.record_key
left join {{ ref("currency_rates") }} as rates on orders.currency = rates.currency
