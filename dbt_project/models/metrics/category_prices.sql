{# M11: what a piece costs in a category, by which a customer who is led by the price is told. #}
select
    coalesce(products.category, '') as category,
    avg((lines.line_amount_usd / nullif(lines.quantity, 0))::decimal(18, 4)) as mean_price_usd
from {{ ref("order_lines") }} as lines
left join {{ ref("products") }} as products on lines.product_id = products.product_id
where lines.customer_id is not null and lines.quantity > 0 and lines.line_amount_usd > 0
group by coalesce(products.category, '')
