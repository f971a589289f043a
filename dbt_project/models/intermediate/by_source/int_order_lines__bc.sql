{# Lines of Business Central's invoices, with the ERP's product where the item is known there. #}
select
    'bc:' || lines.invoice_number || ':' || lines.line_number as order_line_id,
    'bc:' || lines.invoice_number as order_id,
    'sap:' || products.material as product_id,
    products.product_name,
    lines.quantity,
    lines.amount as line_amount
from {{ ref("stg_bc__sales_invoice_lines") }} as lines
left join {{ ref("stg_sap__products") }} as products on lines.item_number = products.sku
