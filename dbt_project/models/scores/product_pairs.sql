{# M07: pairs of products in one order of the last year, in both directions: how many orders hold both, how much more often than by chance,
   and how sure that is (z of the count against independence). #}
with

baskets as (

    select distinct
        lines.order_id,
        lines.product_id
    from {{ ref("order_lines") }} as lines
    cross join {{ ref("int_as_of") }} as as_of
    where
        lines.product_id is not null
        and lines.quantity > 0
        and lines.order_date > as_of.as_of_date - 365
        and lines.order_date <= as_of.as_of_date

),

orders as (

    select count(distinct order_id) as orders_count from baskets

),

singles as (

    select
        product_id,
        count(*) as orders_count
    from baskets
    group by product_id

),

pairs as (

    select
        a.product_id,
        b.product_id as with_product_id,
        count(*) as together_count
    from baskets as a
    inner join baskets as b on a.order_id = b.order_id and a.product_id <> b.product_id
    group by a.product_id, b.product_id

)

select
    pairs.product_id,
    pairs.with_product_id,
    pairs.together_count,
    (pairs.together_count / orders.orders_count)::decimal(9, 8) as support,
    (pairs.together_count / one.orders_count)::decimal(9, 8) as confidence,
    (pairs.together_count::double * orders.orders_count / (one.orders_count * other.orders_count))::decimal(12, 4) as lift,
    (
        (pairs.together_count - one.orders_count * other.orders_count / orders.orders_count::double)
        / sqrt(one.orders_count * other.orders_count / orders.orders_count::double)
    )::decimal(12, 2) as z_score
from pairs
cross join orders
inner join singles as one on pairs.product_id = one.product_id
inner join singles as other on pairs.with_product_id = other.product_id
where pairs.together_count >= {{ var("least_baskets") }}
