{# Customers of Dynamics 365 Business Central, as its API or "Edit in Excel" writes them, one row per customer number. #}
with

source as (

    select * from {{ source('bronze', 'bc_customers') }}

),

renamed as (

    select

        ---------- ids
        customer_number,
        tax_id,
        'bc_customers:' || customer_number as record_key,

        ---------- text
        full_name,
        type,
        street,
        street_2,
        city,
        region,
        postcode,
        country,
        phone,
        lower(email) as email,
        blocked,

        ---------- timestamps (UTC)
        updated_at

    from source

)

select * from renamed
