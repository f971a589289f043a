{# Checkouts that were begun and not paid, one row per checkout. #}
with

source as (

    select * from {{ source('bronze', 'shopify_abandoned_checkouts') }}

),

renamed as (

    select

        ---------- ids
        checkout_id,
        shop_customer_id,
        'shopify_customers:' || shop_customer_id as record_key,

        ---------- text
        lower(email) as email,
        phone,
        currency,
        recovery_url,

        ---------- lists
        skus,

        ---------- numbers
        subtotal,
        total,

        ---------- booleans
        accepts_marketing,

        ---------- timestamps (UTC)
        created_at,
        updated_at,
        recovered_at

    from source

)

select * from renamed
