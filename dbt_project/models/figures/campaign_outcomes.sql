{# Declared campaigns, from goal to result, one row each: who was treated and held out, what was sent, what it cost, what came of it and how
   that stands to the goal. Costs are the declared ones and the spend of the ad campaigns that are the campaign's; the benefit is what the
   treated bought above what they would have bought by the control group. Without a control group the benefit is null. #}
with

drawn as (

    select
        campaign,
        count(distinct customer_id) filter (not is_control) as treated_count,
        count(distinct customer_id) filter (is_control) as control_count
    from {{ ref("assignments") }}
    where campaign is not null
    group by campaign

),

sent as (

    select
        campaign,
        count(*) filter (status = 'accepted' and op <> 'remove') as deliveries_count,
        count(*) filter (status <> 'accepted') as refused_count
    from {{ ref("deliveries") }}
    where campaign is not null
    group by campaign

),

declared as (

    select
        campaigns.*,
        campaigns.fixed_cost_usd + coalesce((
            select sum(spend.cost_usd) from {{ ref("ad_spend") }} as spend
            where
                list_contains(campaigns.ad_campaign_ids, spend.campaign_id)
                and spend.spend_date between campaigns.starts_date and campaigns.ends_date
        ), 0) as cost_usd,
        coalesce((
            select count(*) from {{ ref("web_sessions") }} as visits
            where
                list_contains(campaigns.utm_campaigns, lower(visits.utm_campaign))
                and visits.started_at::date between campaigns.starts_date and campaigns.ends_date
        ), 0) as visits_count
    from {{ source("activation", "campaigns") }} as campaigns

),

benefits as (

    select
        campaign,
        sum(revenue_benefit_usd) as revenue_usd,
        sum(margin_benefit_usd) as margin_usd,
        sum(customers_count * lift_pct / 100) as orders,
        bool_or(is_significant) as is_significant
    from {{ ref("audience_lift") }}
    where campaign is not null and compared_with = 'control'
    group by campaign

),

measured as (

    select
        declared.*,
        coalesce(drawn.treated_count, 0) as treated_count,
        coalesce(drawn.control_count, 0) as control_count,
        coalesce(sent.deliveries_count, 0) as deliveries_count,
        coalesce(sent.refused_count, 0) as refused_count,
        benefits.revenue_usd as revenue_benefit_usd,
        benefits.margin_usd as margin_benefit_usd,
        coalesce(benefits.is_significant, false) as is_significant,
        case declared.goal_measure
            when 'orders' then benefits.orders
            when 'revenue_usd' then benefits.revenue_usd
            else benefits.margin_usd
        end as reached
    from declared
    left join drawn on declared.campaign = drawn.campaign
    left join sent on declared.campaign = sent.campaign
    left join benefits on declared.campaign = benefits.campaign

)

select
    campaign,
    starts_date,
    ends_date,
    goal_measure,
    goal_target::decimal(18, 2) as goal_target,
    reached::decimal(18, 2) as reached,
    reached >= goal_target as is_met,
    is_significant,
    treated_count,
    control_count,
    deliveries_count,
    refused_count,
    visits_count,
    budget_usd::decimal(18, 2) as budget_usd,
    cost_usd::decimal(18, 2) as cost_usd,
    (100 * cost_usd / nullif(budget_usd, 0))::decimal(10, 1) as budget_spent_pct,
    revenue_benefit_usd::decimal(18, 2) as revenue_benefit_usd,
    margin_benefit_usd::decimal(18, 2) as margin_benefit_usd,
    ((margin_benefit_usd - cost_usd) / nullif(cost_usd, 0))::decimal(12, 3) as roi
from measured
