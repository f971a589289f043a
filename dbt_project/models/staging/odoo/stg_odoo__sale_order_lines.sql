{# Sales orders of Odoo with their lines (sale.order), one row per order and line. #}
with

source as (

    select * from {{ source('bronze', 'odoo_sale_orders') }}

),

renamed as (

    select

        ---------- ids
        order_id,
        partner_id,
        'odoo_partners:' || partner_id as record_key,
        _group_line as line_number,

        ---------- text
        order_name,
        state,
        currency,
        product_reference,

        ---------- numbers
        total,
        quantity,
        unit_price,
        line_subtotal,

        ---------- timestamps (UTC)
        ordered_at

    from source

)

select * from renamed
