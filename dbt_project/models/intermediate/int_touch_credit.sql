{# The share of each touch in its order by five rules; shares of an order add up to one. Position gives 40, 20 and 40 percent to the first,
   the middle and the last (half and half for two); decay halves the weight every var attribution_half_life_days before the order. #}
with

weighed as (

    select
        *,
        power(0.5, epoch(ordered_at - touched_at) / 86400.0 / {{ var("attribution_half_life_days") }}) as decay_weight,
        case
            when touches_count = 1 then 1.0
            when touches_count = 2 then 0.5
            when touch_number in (1, touches_count) then 0.4
            else 0.2 / (touches_count - 2)
        end as position_share
    from {{ ref("int_touches") }}

)

select
    order_id,
    touch_number,
    ordered_at,
    touched_at,
    is_first_order,
    channel,
    campaign,
    keyword,
    revenue_usd,
    margin_usd,
    (touch_number = 1)::integer::decimal(18, 12) as first_touch,
    (touch_number = touches_count)::integer::decimal(18, 12) as last_touch,
    (1.0 / touches_count)::decimal(18, 12) as linear,
    (decay_weight / sum(decay_weight) over (partition by order_id))::decimal(18, 12) as time_decay,
    position_share::decimal(18, 12) as position_based,
    -- Shapley values of channel sets split a conversion equally over the channels of its path (Zhao et al. 2018).
    (1.0 / count(distinct channel) over (partition by order_id) / count(*) over (partition by order_id, channel))::decimal(18, 12) as shapley
from weighed
