{# Posted sales invoices of Business Central, one row per invoice; what has no payment date is open. #}
select
    'bc:' || invoice_number as invoice_id,
    'bc' as source,
    min(record_key) as record_key,
    'bc:' || invoice_number as order_id,
    min(currency) as currency,
    sum(amount)::decimal(18, 2) as amount,
    coalesce(sum(amount) filter (paid_on is null), 0)::decimal(18, 2) as open_amount,
    min(invoiced_on) as invoiced_date,
    min(due_on) as due_date,
    max(paid_on) as paid_date
from {{ ref("stg_bc__sales_invoice_lines") }}
group by invoice_number
