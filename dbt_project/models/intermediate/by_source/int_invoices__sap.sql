{# Receivables of SAP, open and cleared. Due is the baseline date plus the days of the terms; H is a credit. #}
with

items as (

    select
        company_code,
        accounting_document,
        fiscal_year,
        line,
        record_key,
        billing_document,
        currency,
        open_amount as amount,
        open_amount,
        posted_date as invoiced_date,
        due_date,
        null::date as paid_date
    from {{ ref("stg_sap__open_items") }}
    union all by name
    select
        company_code,
        accounting_document,
        fiscal_year,
        line,
        record_key,
        billing_document,
        currency,
        case debit_credit when 'H' then -amount else amount end as amount,
        0::decimal(18, 2) as open_amount,
        posted_on as invoiced_date,
        baseline_date + coalesce(payment_days, 0)::integer as due_date,
        cleared_on as paid_date
    from {{ ref("stg_sap__cleared_items") }}

)

select
    'sap:' || company_code || ':' || accounting_document || ':' || fiscal_year || ':' || line as invoice_id,
    'sap' as source,
    record_key,
    'sap:' || billing_document as order_id,
    currency,
    amount,
    open_amount,
    invoiced_date,
    due_date,
    paid_date
from items
