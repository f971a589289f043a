{# Paid orders of the shop; the export names the buyer by e-mail only. Pending and cancelled orders are no revenue. #}
select
    'shopify:' || orders.order_name as order_id,
    'shopify' as source,
    'web' as channel,
    orders.order_name as order_number,
    accounts.record_key,
    false as is_credit_note,
    orders.ordered_at,
    orders.currency,
    orders.total as order_total,
    orders.refunded_amount
from {{ ref("stg_shopify__orders") }} as orders
left join (
    select
        email,
        min(record_key) as record_key
    from {{ ref("stg_shopify__customers") }}
    group by email
) as accounts on orders.email = accounts.email
where orders.financial_status in ('paid', 'partially_refunded', 'refunded') and orders.cancelled_at is null
