{# Customer invoices of Odoo; totals are signed, so a credit note is negative. #}
select
    'odoo:' || invoice_id as invoice_id,
    'odoo' as source,
    record_key,
    'odoo:' || origin as order_id,
    currency,
    total_signed as amount,
    residual as open_amount,
    invoiced_on as invoiced_date,
    due_on as due_date,
    paid_on as paid_date
from {{ ref("stg_odoo__invoices") }}
where move_type in ('out_invoice', 'out_refund')
