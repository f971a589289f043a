{# K-DEMAND: products with views, sales and stock of late. Viral: views of the last 7 days three times the weekly mean of the 8 weeks
   before, and at least 20; overstock: more than 180 days of cover; short: fewer days of cover than a delivery takes. #}
with

viewed as (

    select
        products.product_id,
        count(*) filter (events.occurred_at::date > as_of.as_of_date - 7) as views_7d,
        count(*) filter (
            events.occurred_at::date > as_of.as_of_date - 63 and events.occurred_at::date <= as_of.as_of_date - 7
        ) / 8.0 as views_a_week_before
    from {{ ref("int_web_events__unioned") }} as events
    cross join {{ ref("int_as_of") }} as as_of
    inner join {{ ref("products") }} as products on events.sku = products.sku
    where events.event_name = 'Product Viewed'
    group by products.product_id

),

stocked as (

    select
        product_id,
        arg_max(stock_quantity, stock_date) as stock_quantity,
        arg_max(cover_days, stock_date) as cover_days
    from {{ ref("product_stock_daily") }}
    group by product_id

),

sold as (

    select
        lines.product_id,
        sum(lines.quantity) filter (lines.order_date > as_of.as_of_date - 28) as sold_28d
    from {{ ref("order_lines") }} as lines
    cross join {{ ref("int_as_of") }} as as_of
    where lines.product_id is not null and lines.order_date <= as_of.as_of_date
    group by lines.product_id

)

select
    products.product_id,
    products.sku,
    products.product_name,
    products.category,
    coalesce(viewed.views_7d, 0) as views_7d,
    coalesce(viewed.views_a_week_before, 0)::decimal(12, 1) as views_a_week_before,
    coalesce(sold.sold_28d, 0)::decimal(18, 3) as sold_28d,
    stocked.stock_quantity::decimal(18, 3) as stock_quantity,
    stocked.cover_days,
    coalesce(viewed.views_7d >= 20 and viewed.views_7d >= 3 * viewed.views_a_week_before, false) as is_viral,
    coalesce(stocked.stock_quantity <= 0, false) as is_out_of_stock,
    coalesce(stocked.stock_quantity > 0 and coalesce(stocked.cover_days, 9999) > {{ var("overstock_days") }}, false) as is_overstock,
    coalesce(stocked.stock_quantity > 0 and stocked.cover_days < {{ var("delivery_days") }}, false) as is_short
from {{ ref("products") }} as products
left join viewed on products.product_id = viewed.product_id
left join stocked on products.product_id = stocked.product_id
left join sold on products.product_id = sold.product_id
