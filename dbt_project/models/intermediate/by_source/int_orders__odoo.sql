{# Sale orders of Odoo that are confirmed; the order's own columns stand on its first line. #}
select
    'odoo:' || order_name as order_id,
    'odoo' as source,
    'store' as channel,
    order_name as order_number,
    record_key,
    false as is_credit_note,
    ordered_at,
    currency,
    total as order_total,
    cast(0 as decimal(18, 2)) as refunded_amount
from {{ ref("stg_odoo__sale_order_lines") }}
where line_number = 1 and state in ('sale', 'done')
