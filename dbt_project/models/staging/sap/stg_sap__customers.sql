{# Customers of the ERP (KNA1), one row per customer number. #}
with

source as (

    select * from {{ source('bronze', 'sap_customers') }}

),

renamed as (

    select

        ---------- ids
        customer_number,
        'sap_customers:' || customer_number as record_key,

        ---------- text
        full_name,
        city,
        postcode,
        country,
        tax_id,
        account_group,

        ---------- booleans
        coalesce(is_marked_for_deletion, false) as is_marked_for_deletion,
        coalesce(is_one_time_customer, false) as is_one_time_customer,

        ---------- dates
        created_on as created_date

    from source

)

select * from renamed
