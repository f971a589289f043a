{# K-ATTR: in which share of orders a channel took part, and how often it assisted against how often it closed. #}
select
    channel,
    count(distinct order_id) as orders_count,
    (100.0 * count(distinct order_id) / (select count(distinct order_id) from {{ ref("int_touches") }}))::decimal(6, 2) as influence_pct,
    count(distinct order_id) filter (touch_number < touches_count) as assisted_count,
    count(distinct order_id) filter (touch_number = touches_count) as closed_count,
    (
        count(distinct order_id) filter (touch_number < touches_count)
        / nullif(count(distinct order_id) filter (touch_number = touches_count), 0)::double
    )::decimal(10, 2) as assisted_to_closed
from {{ ref("int_touches") }}
group by channel
