{# Stock of each product by day, with what was sold that day and how many days it would last at the rate of the last 28. #}
with

sold as (

    select
        product_id,
        order_date,
        sum(quantity) as quantity_sold
    from {{ ref("order_lines") }}
    where product_id is not null
    group by product_id, order_date

),

stock as (

    select
        product_id,
        stock_date,
        sum(quantity) as stock_quantity
    from {{ ref("int_product_stock__unioned") }}
    group by product_id, stock_date

)

select
    stock.product_id,
    stock.stock_date,
    stock.stock_quantity,
    coalesce(sold.quantity_sold, 0) as quantity_sold,
    stock.stock_quantity <= 0 as is_out_of_stock,
    cast(
        case
            when sum(coalesce(sold.quantity_sold, 0)) over month > 0
                then greatest(stock.stock_quantity, 0) * 28 / sum(coalesce(sold.quantity_sold, 0)) over month
        end as decimal(12, 1)
    ) as cover_days
from stock
left join sold on stock.product_id = sold.product_id and stock.stock_date = sold.order_date
window month as (
    partition by stock.product_id order by stock.stock_date range between interval 27 days preceding and current row
)
