{# Open receivables (BSID), one row per accounting document and line. #}
with

source as (

    select * from {{ source('bronze', 'sap_open_items') }}

),

renamed as (

    select

        ---------- ids
        company_code,
        accounting_document,
        fiscal_year,
        line,
        customer_number,
        'sap_customers:' || customer_number as record_key,
        billing_document,

        ---------- text
        currency,

        ---------- numbers
        case debit_credit when 'H' then -amount else amount end as open_amount,
        payment_days,

        ---------- dates
        posted_on as posted_date,
        baseline_date,
        (baseline_date + coalesce(payment_days, 0)::integer) as due_date

    from source

)

select * from renamed
