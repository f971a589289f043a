{# Billing documents as orders; cancelled ones are no revenue and are left out. #}
select
    'sap:' || document as order_id,
    'sap' as source,
    'store' as channel,
    document as order_number,
    record_key,
    document_type = 'G2' as is_credit_note,
    billed_at as ordered_at,
    currency,
    net_value as order_total,
    cast(0 as decimal(18, 2)) as refunded_amount
from {{ ref("stg_sap__invoices") }}
where not is_cancelled
