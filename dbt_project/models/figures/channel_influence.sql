{# K-ATTR: in which share of orders a channel took part, and how often it assisted against how often it closed. #}
with

taken_part as (

    select
        channel,
        order_id,
        bool_or(touch_number < touches_count) as has_assisted,
        bool_or(touch_number = touches_count) as has_closed
    from {{ ref("int_touches") }}
    group by channel, order_id

),

counted as (

    select
        channel,
        count(order_id) as orders_count,
        count(order_id) filter (has_assisted) as assisted_count,
        count(order_id) filter (has_closed) as closed_count
    from taken_part
    group by channel

)

select
    channel,
    orders_count,
    (100.0 * orders_count / (select count(distinct order_id) from taken_part))::decimal(6, 2) as influence_pct,
    assisted_count,
    closed_count,
    (assisted_count / nullif(closed_count, 0)::double)::decimal(10, 2) as assisted_to_closed
from counted
