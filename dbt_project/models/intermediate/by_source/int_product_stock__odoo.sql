{# Stock of Odoo by day less what is reserved, for products the ERP knows by reference. #}
select
    'sap:' || products.material as product_id,
    stock.stock_date,
    sum(stock.quantity - coalesce(stock.reserved_quantity, 0)) as quantity
from {{ ref("stg_odoo__stock") }} as stock
inner join {{ ref("stg_sap__products") }} as products on stock.product_reference = products.sku
group by products.material, stock.stock_date
