{# K-ROI by keyword (by ad, where a platform has no keywords), over the last var roi_days: what it cost, and what the ERP's orders
   credited to visits that came by it brought. A visit names its campaign and its keyword itself (utm_campaign, utm_term). What is
   credited to a campaign without a known keyword stands in a row without one, so that nothing of a campaign is lost. #}
with

spent as (

    select
        spend.campaign_id,
        any_value(spend.source) as source,
        lower(spend.campaign_name) as campaign_key,
        any_value(spend.campaign_name) as campaign_name,
        spend.keyword,
        lower(trim(spend.keyword, '[]"+ ')) as keyword_key,
        sum(spend.cost_usd) as cost_usd,
        sum(spend.impressions) as impressions,
        sum(spend.clicks) as clicks,
        sum(spend.reported_conversions) as reported_conversions
    from {{ ref("ad_spend") }} as spend
    cross join {{ ref("int_as_of") }} as days
    where spend.spend_date > days.as_of_date - {{ var("roi_days") }} and spend.spend_date <= days.as_of_date
    group by spend.campaign_id, campaign_key, spend.keyword

),

-- A name that two campaigns share is the first one's, so that no order is counted twice.
campaigns as (

    select
        campaign_key,
        min(campaign_id) as campaign_id,
        arg_min(source, campaign_id) as source,
        arg_min(campaign_name, campaign_id) as campaign_name
    from spent
    group by campaign_key

),

credited as (

    select
        campaigns.campaign_id,
        campaigns.source,
        campaigns.campaign_name,
        lower(trim(touches.keyword)) as keyword_key,
        min(touches.keyword) as keyword,
        sum(touches.linear) as conversions,
        sum(touches.linear) filter (touches.is_first_order) as first_orders,
        sum(touches.linear * touches.revenue_usd) as revenue_usd,
        sum(touches.linear * touches.margin_usd) as margin_usd
    from {{ ref("int_touch_credit") }} as touches
    inner join campaigns on lower(touches.campaign) = campaigns.campaign_key
    cross join {{ ref("int_as_of") }} as days
    where touches.ordered_at::date > days.as_of_date - {{ var("roi_days") }} and touches.ordered_at::date <= days.as_of_date
    group by campaigns.campaign_id, campaigns.source, campaigns.campaign_name, lower(trim(touches.keyword))

),

-- Match types share a word: the row that cost most takes what is credited to it.
ranked as (

    select
        *,
        row_number() over (partition by campaign_id, keyword_key order by cost_usd desc, keyword asc) as place
    from spent

)

select
    {{ surrogate_key(["coalesce(ranked.campaign_id, credited.campaign_id)", "coalesce(ranked.keyword, credited.keyword)"]) }} as keyword_result_id,
    coalesce(ranked.campaign_id, credited.campaign_id) as campaign_id,
    coalesce(ranked.source, credited.source) as source,
    coalesce(ranked.campaign_name, credited.campaign_name) as campaign_name,
    coalesce(ranked.keyword, credited.keyword) as keyword,
    coalesce(ranked.cost_usd, 0)::decimal(18, 2) as cost_usd,
    coalesce(ranked.impressions, 0)::bigint as impressions,
    coalesce(ranked.clicks, 0)::bigint as clicks,
    (ranked.cost_usd / nullif(ranked.clicks, 0))::decimal(12, 4) as cost_per_click_usd,
    ranked.reported_conversions::decimal(18, 2) as reported_conversions,
    coalesce(credited.conversions, 0)::decimal(18, 4) as conversions,
    coalesce(credited.revenue_usd, 0)::decimal(18, 2) as revenue_usd,
    coalesce(credited.margin_usd, 0)::decimal(18, 2) as margin_usd,
    ((coalesce(credited.margin_usd, 0) - ranked.cost_usd) / nullif(ranked.cost_usd, 0))::decimal(12, 3) as roi,
    (ranked.cost_usd / nullif(credited.first_orders, 0))::decimal(18, 2) as cac_usd
from ranked
full outer join credited
    on
        ranked.campaign_id = credited.campaign_id
        and ranked.keyword_key is not distinct from credited.keyword_key
        and ranked.place = 1
