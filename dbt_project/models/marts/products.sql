{# Products with what was sold of them. #}
select
    products.product_id,
    products.source,
    products.sku,
    products.product_name,
    products.category,
    cast(products.unit_cost as decimal(18, 4)) as unit_cost,
    products.cost_currency,
    coalesce(sales.orders_count, 0) as orders_count,
    coalesce(sales.quantity_sold, 0) as quantity_sold,
    coalesce(sales.revenue_usd, 0) as revenue_usd
from {{ ref("int_products__unioned") }} as products
left join (
    select
        product_id,
        count(distinct order_id) as orders_count,
        sum(quantity) as quantity_sold,
        sum(line_amount_usd) as revenue_usd
    from {{ ref("order_lines") }}
    group by product_id
) as sales on products.product_id = sales.product_id
