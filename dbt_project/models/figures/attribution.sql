{# K-ATTR: conversions, revenue and margin by channel under seven models. Each adds up to the same orders and the same money. #}
with

rules as (

    unpivot (
        select
            channel,
            revenue_usd,
            margin_usd,
            first_touch,
            last_touch,
            linear,
            time_decay,
            position_based,
            shapley
        from {{ ref("int_touch_credit") }}
    )
    on first_touch, last_touch, linear, time_decay, position_based, shapley
    into name model value share

),

ruled as (

    select
        model,
        channel,
        sum(share) as conversions,
        sum(share * revenue_usd) as revenue_usd,
        sum(share * margin_usd) as margin_usd
    from rules
    group by model, channel

)

select
    model,
    channel,
    conversions::decimal(18, 4) as conversions,
    revenue_usd::decimal(18, 4) as revenue_usd,
    margin_usd::decimal(18, 4) as margin_usd
from ruled
union all
select
    'markov',
    channel,
    conversions::decimal(18, 4),
    revenue_usd::decimal(18, 4),
    margin_usd::decimal(18, 4)
from {{ ref("attribution_markov") }}
