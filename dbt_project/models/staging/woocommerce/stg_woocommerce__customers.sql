{# Accounts of the WooCommerce store, as its API hands them out, one row per account. #}
with

source as (

    select * from {{ source('bronze', 'woocommerce_customers') }}

),

renamed as (

    select

        ---------- ids
        account_id,
        'woocommerce_customers:' || account_id as record_key,

        ---------- text
        lower(email) as email,
        given_name,
        family_name,
        username,
        role,
        phone,
        street,
        city,
        region,
        postcode,
        country,

        ---------- booleans
        is_paying_customer,

        ---------- timestamps (UTC)
        created_at,
        updated_at

    from source

)

select * from renamed
