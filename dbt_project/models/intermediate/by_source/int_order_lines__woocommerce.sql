{# Articles of WooCommerce orders, with the ERP's product where the article number is known there. #}
with

lines as (

    select
        order_id,
        unnest(from_json(line_items, '[{"sku":"VARCHAR","name":"VARCHAR","quantity":"DECIMAL(18,3)","total":"DECIMAL(18,2)"}]')) as line,
        generate_subscripts(from_json(line_items, '["JSON"]'), 1) as line_number
    from {{ ref("stg_woocommerce__orders") }}

)

select
    'woocommerce:' || lines.order_id || ':' || lines.line_number as order_line_id,
    'woocommerce:' || lines.order_id as order_id,
    'sap:' || products.material as product_id,
    lines.line.name as product_name,
    lines.line.quantity,
    lines.line.total as line_amount
from lines
left join {{ ref("stg_sap__products") }} as products on lines.line.sku = products.sku
