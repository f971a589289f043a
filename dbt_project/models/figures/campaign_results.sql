{# K-ROI and K-BUDGET: campaigns with budget, cost, and the orders, revenue and margin of the ERP credited to them by the linear model. What
   platforms report stands beside. A campaign is found by the name that its links and numbers carry; where several share it, by the channel,
   and of those by when they began. One that several systems keep is credited once, in the system that knows its cost. #}
with

named as (

    select
        campaign_id,
        source,
        starts_date,
        coalesce(channel, '') as channel,
        lower(campaign_name) as campaign_key,
        first_value(source) over (
            partition by lower(campaign_name), channel
            order by cost_usd is null asc, campaign_id asc
        ) as credited_source,
        first_value(coalesce(channel, '')) over (
            partition by lower(campaign_name)
            order by cost_usd is null asc, campaign_id asc
        ) as main_channel
    from {{ ref("campaigns") }}
    where campaign_name is not null

),

begun as (

    select
        campaign_key,
        channel,
        starts_date,
        min(campaign_id) as campaign_id
    from named
    where source = credited_source
    group by campaign_key, channel, starts_date

),

credited as (

    select
        campaign_key,
        channel,
        campaign_id,
        -- What came before the first of them began is the first one's.
        case
            when row_number() over (partition by campaign_key, channel order by starts_date asc nulls first) > 1 then starts_date
            else date '1900-01-01'
        end as from_date
    from begun

),

counted as (

    select
        named.campaign_id,
        credited.campaign_id as credited_id
    from named
    asof join credited
        on
            named.campaign_key = credited.campaign_key
            and named.channel = credited.channel
            and coalesce(named.starts_date, date '1900-01-01') >= credited.from_date

),

names as (

    select
        campaign_key,
        any_value(main_channel) as main_channel,
        list(distinct channel) as channels
    from named
    group by campaign_key

),

touches as (

    select
        names.campaign_key,
        case when list_contains(names.channels, touches.channel) then touches.channel else names.main_channel end as channel,
        touches.touched_at::date as touched_date,
        sum(touches.linear) as conversions,
        sum(touches.linear * touches.revenue_usd) as revenue_usd,
        sum(touches.linear * touches.margin_usd) as margin_usd
    from {{ ref("int_touch_credit") }} as touches
    inner join names on lower(touches.campaign) = names.campaign_key
    group by all

),

credit as (

    select
        credited.campaign_id,
        sum(touches.conversions) as conversions,
        sum(touches.revenue_usd) as revenue_usd,
        sum(touches.margin_usd) as margin_usd
    from touches
    asof join credited
        on
            touches.campaign_key = credited.campaign_key
            and touches.channel = credited.channel
            and touches.touched_date >= credited.from_date
    group by credited.campaign_id

),

ads as (

    select
        campaign_id,
        sum(impressions) as impressions,
        sum(clicks) as clicks,
        sum(reported_conversions) as reported_conversions
    from {{ ref("ad_spend") }}
    group by campaign_id

)

select
    campaigns.campaign_id,
    campaigns.source,
    campaigns.campaign_name,
    campaigns.channel,
    campaigns.starts_date,
    campaigns.ends_date,
    campaigns.budget_usd,
    campaigns.cost_usd,
    (100 * campaigns.cost_usd / nullif(campaigns.budget_usd, 0))::decimal(10, 1) as budget_spent_pct,
    coalesce(ads.impressions, 0)::bigint as impressions,
    coalesce(ads.clicks, 0)::bigint as clicks,
    ads.reported_conversions::decimal(18, 2) as reported_conversions,
    coalesce(credit.conversions, 0)::decimal(18, 4) as conversions,
    coalesce(credit.revenue_usd, 0)::decimal(18, 2) as revenue_usd,
    coalesce(credit.margin_usd, 0)::decimal(18, 2) as margin_usd,
    case
        when coalesce(counted.credited_id, campaigns.campaign_id) = campaigns.campaign_id
            then ((coalesce(credit.margin_usd, 0) - campaigns.cost_usd) / nullif(campaigns.cost_usd, 0))::decimal(12, 3)
    end as roi,
    nullif(counted.credited_id, campaigns.campaign_id) as counted_with_campaign_id
from {{ ref("campaigns") }} as campaigns
left join counted on campaigns.campaign_id = counted.campaign_id
left join credit on campaigns.campaign_id = credit.campaign_id
left join ads on campaigns.campaign_id = ads.campaign_id
