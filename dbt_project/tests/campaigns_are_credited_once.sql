{# What is credited to campaigns is what is credited to touches that name one, once. #}
with

known as (

    select distinct lower(campaign_name) as campaign_key
    from {{ ref("campaigns") }}

),

touched as (

    select
        coalesce(sum(touches.linear), 0) as conversions,
        coalesce(sum(touches.linear * touches.revenue_usd), 0) as revenue_usd
    from {{ ref("int_touch_credit") }} as touches
    inner join known on lower(touches.campaign) = known.campaign_key

),

credited as (

    select
        sum(conversions) as conversions,
        sum(revenue_usd) as revenue_usd,
        count(*) as campaigns_count
    from {{ ref("campaign_results") }}

)

select
    touched.conversions,
    credited.conversions as credited_conversions,
    touched.revenue_usd,
    credited.revenue_usd as credited_usd
from touched
cross join credited
where
    abs(touched.conversions - credited.conversions) > 0.01
    -- Each row is rounded to the cent.
    or abs(touched.revenue_usd - credited.revenue_usd) > 0.01 * credited.campaigns_count
