{# Carts that were left, as the cart extension of the WooCommerce store keeps them, one row per cart. #}
with

source as (

    select * from {{ source('bronze', 'woocommerce_abandoned_carts') }}

),

renamed as (

    select

        ---------- ids
        cart_id,
        account_id,
        'woocommerce_customers:' || account_id as record_key,

        ---------- text
        lower(email) as email,
        status,
        currency,

        ---------- lists
        skus,

        ---------- numbers
        total,

        ---------- timestamps (UTC)
        abandoned_at,
        recovered_at

    from source

)

select * from renamed
