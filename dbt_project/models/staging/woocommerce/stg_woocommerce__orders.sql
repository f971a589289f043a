{# Orders of the WooCommerce store; lines stand inside, one row per order. #}
with

source as (

    select * from {{ source('bronze', 'woocommerce_orders') }}

),

renamed as (

    select

        ---------- ids
        order_id,
        account_id,
        'woocommerce_customers:' || account_id as record_key,

        ---------- text
        status,
        currency,
        lower(email) as email,
        phone,
        given_name,
        family_name,
        payment_method,
        coupons,
        line_items,

        ---------- numbers
        total,
        total_tax,
        shipping_total,
        discount_total,

        ---------- timestamps (UTC)
        created_at,
        paid_at,
        updated_at

    from source

)

select * from renamed
