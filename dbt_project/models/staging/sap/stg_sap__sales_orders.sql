{# Sales documents (VBAK), orders as they were taken, one row per sales document. #}
with

source as (

    select * from {{ source('bronze', 'sap_sales_orders') }}

),

renamed as (

    select

        ---------- ids
        sales_document,
        'sap_customers:' || customer_number as record_key,

        ---------- text
        document_type,
        created_time,
        sales_organisation,
        customer_number,
        currency,

        ---------- numbers
        net_value,

        ---------- dates
        ordered_on,
        created_on,
        changed_on

    from source

)

select * from renamed
