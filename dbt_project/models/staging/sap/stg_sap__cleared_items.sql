{# Paid receivables (BSAD); the clearing date is when the payment came, one row per accounting document and line. #}
with

source as (

    select * from {{ source('bronze', 'sap_cleared_items') }}

),

renamed as (

    select

        ---------- ids
        company_code,
        accounting_document,
        line,
        'sap_customers:' || customer_number as record_key,

        ---------- text
        customer_number,
        clearing_document,
        debit_credit,
        currency,
        payment_terms,
        billing_document,

        ---------- numbers
        fiscal_year,
        payment_days,
        amount,

        ---------- dates
        posted_on,
        document_date,
        baseline_date,
        cleared_on

    from source

)

select * from renamed
