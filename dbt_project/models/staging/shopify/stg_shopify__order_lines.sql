{# Articles of the web shop's orders, one row per order and line. #}
with

source as (

    select * from {{ source('bronze', 'shopify_orders') }}

),

renamed as (

    select

        ---------- ids
        order_name,
        _group_line as line_number,
        lineitem_sku as sku,

        ---------- text
        lineitem_name as product_name,
        currency,

        ---------- numbers
        lineitem_quantity as quantity,
        lineitem_price as unit_price,
        cast(lineitem_quantity * lineitem_price as decimal(18, 2)) as line_amount

    from source

)

select * from renamed
