{# K-ROI and K-BUDGET: campaigns with budget, cost, and the orders, revenue and margin of the ERP credited to them by the linear model. What
   platforms report stands beside. A campaign is found by the name its links and numbers carry. #}
with

credit as (

    select
        lower(campaign) as campaign_key,
        sum(linear) as conversions,
        sum(linear * revenue_usd) as revenue_usd,
        sum(linear * margin_usd) as margin_usd
    from {{ ref("int_touch_credit") }}
    where campaign is not null
    group by campaign_key

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
    ((coalesce(credit.margin_usd, 0) - campaigns.cost_usd) / nullif(campaigns.cost_usd, 0))::decimal(12, 3) as roi
from {{ ref("campaigns") }} as campaigns
left join credit on lower(campaigns.campaign_name) = credit.campaign_key
left join ads on campaigns.campaign_id = ads.campaign_id
