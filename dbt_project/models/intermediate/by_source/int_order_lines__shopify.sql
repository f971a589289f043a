{# Articles of shop orders, with the ERP's product where the article number is known there. #}
select
    'shopify:' || lines.order_name || ':' || lines.line_number as order_line_id,
    'shopify:' || lines.order_name as order_id,
    'sap:' || products.material as product_id,
    lines.product_name,
    cast(lines.quantity as decimal(18, 3)) as quantity,
    lines.line_amount
from {{ ref("stg_shopify__order_lines") }} as lines
left join {{ ref("stg_sap__products") }} as products on lines.sku = products.sku
