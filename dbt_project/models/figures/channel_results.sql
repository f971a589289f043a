{# K-ROI by channel, over the last var roi_days: what its ads and its campaigns that began then cost, and the orders, revenue and margin
   of the ERP credited to it by the linear model. All channels together, with none known, hold every order of these days. #}
with

days as (

    select
        as_of_date,
        as_of_date - {{ var("roi_days") }} as before_date
    from {{ ref("int_as_of") }}

),

-- What a platform reports by day is not counted once more where the CRM keeps the same campaign.
reported as (

    select distinct
        lower(campaigns.campaign_name) as campaign_key,
        campaigns.channel
    from {{ ref("campaigns") }} as campaigns
    where
        campaigns.campaign_name is not null
        and campaigns.campaign_id in (
            select spend.campaign_id
            from {{ ref("ad_spend") }} as spend
            where spend.campaign_id is not null
        )

),

costs as (

    select
        campaigns.channel,
        sum(spend.cost_usd) as cost_usd,
        sum(spend.clicks) as clicks
    from {{ ref("ad_spend") }} as spend
    inner join {{ ref("campaigns") }} as campaigns on spend.campaign_id = campaigns.campaign_id
    cross join days
    where spend.spend_date > days.before_date and spend.spend_date <= days.as_of_date
    group by campaigns.channel
    union all by name
    -- Campaigns whose cost no platform reports by day cost when they begin.
    select
        campaigns.channel,
        sum(campaigns.cost_usd) as cost_usd,
        null::bigint as clicks
    from {{ ref("campaigns") }} as campaigns
    left join reported on lower(campaigns.campaign_name) = reported.campaign_key and campaigns.channel = reported.channel
    cross join days
    where
        reported.campaign_key is null
        and campaigns.starts_date > days.before_date
        and campaigns.starts_date <= days.as_of_date
        and campaigns.cost_usd is not null
        and campaigns.campaign_id not in (
            select spend.campaign_id
            from {{ ref("ad_spend") }} as spend
            where spend.campaign_id is not null
        )
    group by campaigns.channel

),

costs_by_channel as (

    select
        channel,
        sum(cost_usd) as cost_usd,
        sum(clicks) as clicks
    from costs
    group by channel

),

credited as (

    select
        touches.channel,
        sum(touches.linear) as conversions,
        sum(touches.linear) filter (touches.is_first_order) as first_orders,
        sum(touches.linear * touches.revenue_usd) as revenue_usd,
        sum(touches.linear * touches.margin_usd) as margin_usd
    from {{ ref("int_touch_credit") }} as touches
    cross join days
    where touches.ordered_at::date > days.before_date and touches.ordered_at::date <= days.as_of_date
    group by touches.channel

)

select
    coalesce(credited.channel, costs_by_channel.channel) as channel,
    costs_by_channel.cost_usd::decimal(18, 2) as cost_usd,
    costs_by_channel.clicks::bigint as clicks,
    coalesce(credited.conversions, 0)::decimal(18, 4) as conversions,
    coalesce(credited.first_orders, 0)::decimal(18, 4) as new_customers,
    coalesce(credited.revenue_usd, 0)::decimal(18, 4) as revenue_usd,
    coalesce(credited.margin_usd, 0)::decimal(18, 4) as margin_usd,
    ((coalesce(credited.margin_usd, 0) - costs_by_channel.cost_usd) / nullif(costs_by_channel.cost_usd, 0))::decimal(12, 3) as roi,
    (costs_by_channel.cost_usd / nullif(credited.first_orders, 0))::decimal(18, 2) as cac_usd
from credited
full outer join costs_by_channel on credited.channel = costs_by_channel.channel
