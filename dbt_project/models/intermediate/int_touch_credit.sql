{# The share of each touch in its order by five rules; shares of an order add up to one. Position gives 40, 20 and 40 percent to the first,
   the middle and the last (half and half for two); decay halves the weight every var attribution_half_life_days before the order. #}
with

weighed as (

    select
        *,
        power(0.5, epoch(ordered_at - touched_at) / 86400.0 / {{ var("attribution_half_life_days") }})::decimal(18, 15) as decay_weight,
        case
            when touches_count = 1 then 1.0
            when touches_count = 2 then 0.5
            when touch_number in (1, touches_count) then 0.4
            else 0.2 / (touches_count - 2)
        end as position_share
    from {{ ref("int_touches") }}

),

-- What stands alone has all of its order: the others are few.
orders as (

    select
        order_id,
        sum(decay_weight) as decay_weight,
        count(distinct channel) as channels_count
    from weighed
    where touches_count > 1
    group by order_id

),

channels as (

    select
        order_id,
        channel,
        count(*) as touches_count
    from weighed
    where touches_count > 1
    group by order_id, channel

)

select
    weighed.order_id,
    weighed.touch_number,
    weighed.ordered_at,
    weighed.touched_at,
    weighed.is_first_order,
    weighed.channel,
    weighed.campaign,
    weighed.keyword,
    weighed.revenue_usd,
    weighed.margin_usd,
    (weighed.touch_number = 1)::integer::decimal(18, 12) as first_touch,
    (weighed.touch_number = weighed.touches_count)::integer::decimal(18, 12) as last_touch,
    (1.0 / weighed.touches_count)::decimal(18, 12) as linear,
    coalesce(weighed.decay_weight / orders.decay_weight, 1)::decimal(18, 12) as time_decay,
    weighed.position_share::decimal(18, 12) as position_based,
    -- Shapley values of channel sets split a conversion equally over the channels of its path (Zhao et al. 2018).
    coalesce(1.0 / orders.channels_count / channels.touches_count, 1)::decimal(18, 12) as shapley
from weighed
left join orders on weighed.order_id = orders.order_id
left join channels on weighed.order_id = channels.order_id and weighed.channel = channels.channel
