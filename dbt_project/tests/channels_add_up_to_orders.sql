{# Channels together earn what orders of the last var roi_days earn, to the cent; keywords never earn more than the channels do. #}
with

totals as (

    select
        count(*) as orders_count,
        coalesce(sum(orders.revenue_usd), 0) as revenue_usd
    from {{ ref("orders") }} as orders
    cross join {{ ref("int_as_of") }} as days
    where
        not orders.is_credit_note
        and orders.ordered_at::date > days.as_of_date - {{ var("roi_days") }}
        and orders.ordered_at::date <= days.as_of_date

),

credited as (

    select
        coalesce(sum(conversions), 0) as conversions,
        coalesce(sum(revenue_usd), 0) as revenue_usd
    from {{ ref("channel_results") }}

),

keywords as (

    select coalesce(sum(revenue_usd), 0) as revenue_usd from {{ ref("keyword_results") }}

)

select
    totals.orders_count,
    credited.conversions,
    totals.revenue_usd,
    credited.revenue_usd as credited_usd,
    keywords.revenue_usd as keywords_usd
from totals
cross join credited
cross join keywords
where
    abs(credited.conversions - totals.orders_count) > 0.01
    or abs(credited.revenue_usd - totals.revenue_usd) > 0.01
    or keywords.revenue_usd > credited.revenue_usd + 0.05
