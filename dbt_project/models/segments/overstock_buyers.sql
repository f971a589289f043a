{# AU-STOCK, promotion: customers who bought in the last year in a category with an overstocked product that they have not bought; with the
   products to offer, the most stocked first. #}
with

bought as (

    select distinct
        lines.customer_id,
        lines.product_id,
        products.category
    from {{ ref("order_lines") }} as lines
    cross join {{ ref("int_as_of") }} as as_of
    inner join {{ ref("products") }} as products on lines.product_id = products.product_id
    where
        lines.customer_id is not null
        and lines.quantity > 0
        and lines.order_date > as_of.as_of_date - 365
        and lines.order_date <= as_of.as_of_date

),

liked as (

    select distinct
        customer_id,
        category
    from bought

)

select
    liked.customer_id,
    as_of.as_of_date,
    list(signals.product_id order by signals.stock_quantity desc, signals.product_id asc)[1:10] as product_ids
from liked
cross join {{ ref("int_as_of") }} as as_of
inner join {{ ref("product_signals") }} as signals on liked.category = signals.category and signals.is_overstock
anti join bought on liked.customer_id = bought.customer_id and signals.product_id = bought.product_id
group by liked.customer_id, as_of.as_of_date
