{# Lines of Odoo's sale orders, with the ERP's product where the reference is known there. #}
select
    'odoo:' || lines.order_name || ':' || lines.line_number as order_line_id,
    'odoo:' || lines.order_name as order_id,
    'sap:' || products.material as product_id,
    products.product_name,
    lines.quantity,
    lines.line_subtotal as line_amount
from {{ ref("stg_odoo__sale_order_lines") }} as lines
left join {{ ref("stg_sap__products") }} as products on lines.product_reference = products.sku
