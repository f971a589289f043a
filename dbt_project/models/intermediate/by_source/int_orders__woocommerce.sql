{# Orders of the WooCommerce shop that are paid; a refunded one is refunded whole, since the export says no more. #}
select
    'woocommerce:' || order_id as order_id,
    'woocommerce' as source,
    'web' as channel,
    order_id as order_number,
    record_key,
    false as is_credit_note,
    coalesce(paid_at, created_at) as ordered_at,
    currency,
    total as order_total,
    case status when 'refunded' then total else 0::decimal(18, 2) end as refunded_amount
from {{ ref("stg_woocommerce__orders") }}
where status in ('processing', 'completed', 'refunded')
