{# Billing documents (VBRK), one row per document; credit memos are negative. #}
with

source as (

    select * from {{ source('bronze', 'sap_invoices') }}

),

renamed as (

    select

        ---------- ids
        document,
        customer_number,
        'sap_customers:' || customer_number as record_key,

        ---------- text
        document_type,
        currency,

        ---------- numbers
        net_value,

        ---------- booleans
        coalesce(is_cancelled, false) as is_cancelled,

        ---------- timestamps (UTC)
        coalesce(try_strptime(strftime(billed_on, '%Y%m%d') || billed_time, '%Y%m%d%H%M%S'), billed_on::timestamp) as billed_at

    from source

)

select * from renamed
