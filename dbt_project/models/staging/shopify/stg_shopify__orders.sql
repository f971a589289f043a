{# One row per order: its own columns stand on the first line of the order. #}
with

source as (

    select * from {{ source('bronze', 'shopify_orders') }}

),

renamed as (

    select

        ---------- ids
        order_name,
        order_id,
        lower(email) as email,

        ---------- text
        lower(financial_status) as financial_status,
        currency,

        ---------- numbers
        subtotal,
        shipping,
        taxes,
        total,
        coalesce(refunded_amount, 0) as refunded_amount,

        ---------- timestamps (UTC)
        created_at as ordered_at,
        paid_at,
        cancelled_at

    from source
    where _group_line = 1

)

select * from renamed
