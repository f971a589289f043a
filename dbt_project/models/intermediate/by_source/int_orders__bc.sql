{# Posted sales invoices of Business Central as orders, one row per invoice. #}
select
    'bc:' || invoice_number as order_id,
    'bc' as source,
    'store' as channel,
    invoice_number as order_number,
    min(record_key) as record_key,
    sum(amount) < 0 as is_credit_note,
    min(invoiced_on)::timestamp as ordered_at,
    min(currency) as currency,
    -- A product with a sum of 38 digits is checked for every row, at forty times the cost.
    sum(amount)::decimal(18, 2) as order_total,
    cast(0 as decimal(18, 2)) as refunded_amount
from {{ ref("stg_bc__sales_invoice_lines") }}
group by invoice_number
