{# One row per customer for people to read: golden record, household, what they bought, owe, saw and opened, and the sixteen metrics as
   of the as-of date. What a customer has no basis for is null, never a guess. #}
select
    facts.*,
    macro.macro_segment,
    macro.lifecycle,
    macro.value_tier,
    stages.lifecycle_stage,
    coalesce(value.margin_usd, 0)::decimal(18, 2) as lifetime_margin_usd,
    value.mean_order_usd,
    rfm.recency_score,
    rfm.frequency_score,
    rfm.monetary_score,
    cohorts.cohort_month,
    cohorts.against_cohort_pct,
    coalesce(activity.orders_365d, 0)::bigint as orders_365d,
    coalesce(activity.revenue_365d_usd, 0)::decimal(18, 2) as revenue_365d_usd,
    personas.buying_persona,
    coalesce(engagement.engagement_score, 0)::decimal(5, 1) as engagement_score,
    coalesce(marketing.marketing_score, 0)::decimal(5, 1) as marketing_score,
    advocate.advocate_score,
    latest.last_activity_score,
    latest.last_activity_at,
    latest.last_activity_days,
    coalesce(latest.open_tickets_count, 0)::bigint as open_tickets_count,
    coalesce(latest.open_complaints_count, 0)::bigint as open_complaints_count,
    satisfaction.nps_score,
    satisfaction.csat_mean_365d,
    satisfaction.ces_mean_365d,
    health.health_score,
    health.health_band,
    leads.lead_points,
    leads.lead_score,
    leads.lead_route,
    channels.best_channel,
    channels.best_hour_local,
    reach.reachable_channels,
    enrichment.language as preferred_language,
    quality.data_quality_score,
    fields.next_profile_field
from {{ ref("int_customers__facts") }} as facts
left join {{ ref("macro_segments") }} as macro on facts.customer_id = macro.customer_id
left join {{ ref("lifecycle_stages") }} as stages on facts.customer_id = stages.customer_id
left join {{ ref("lifetime_value") }} as value on facts.customer_id = value.customer_id
left join {{ ref("rfm") }} as rfm on facts.customer_id = rfm.customer_id
left join {{ ref("customer_cohorts") }} as cohorts on facts.customer_id = cohorts.customer_id
left join {{ ref("customer_activity") }} as activity on facts.customer_id = activity.customer_id and activity.days_ago = 0
left join {{ ref("buying_persona") }} as personas on facts.customer_id = personas.customer_id
left join {{ ref("engagement") }} as engagement on facts.customer_id = engagement.customer_id and engagement.days_ago = 0
left join {{ ref("marketing") }} as marketing on facts.customer_id = marketing.customer_id and marketing.days_ago = 0
left join {{ ref("advocate") }} as advocate on facts.customer_id = advocate.customer_id
left join {{ ref("last_activity") }} as latest on facts.customer_id = latest.customer_id
left join {{ ref("satisfaction") }} as satisfaction on facts.customer_id = satisfaction.customer_id and satisfaction.days_ago = 0
left join {{ ref("health") }} as health on facts.customer_id = health.customer_id
left join {{ ref("lead_scores") }} as leads on facts.customer_id = leads.customer_id
left join {{ ref("best_channel") }} as channels on facts.customer_id = channels.customer_id
left join (
    select
        customer_id,
        list(channel order by channel) as reachable_channels
    from {{ ref("reachability") }}
    where is_reachable
    group by customer_id
) as reach on facts.customer_id = reach.customer_id
left join {{ ref("customer_enrichment") }} as enrichment on facts.customer_id = enrichment.customer_id
left join {{ ref("data_quality") }} as quality on facts.customer_id = quality.customer_id
left join {{ ref("next_profile_field") }} as fields on facts.customer_id = fields.customer_id
