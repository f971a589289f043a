{# Sales data of customers (KNVV), one row per sales area, one row per customer number and sales area. #}
with

source as (

    select * from {{ source('bronze', 'sap_customer_sales_areas') }}

),

renamed as (

    select

        ---------- ids
        customer_number,
        sales_organisation,
        distribution_channel,
        division,
        'sap_customers:' || customer_number as record_key,

        ---------- text
        customer_group,
        sales_district,
        payment_terms,
        credit_block,

        ---------- booleans
        is_marked_for_deletion

    from source

)

select * from renamed
