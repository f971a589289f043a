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
    fields.next_profile_field,
    micro.micro_segment,
    predicted.expected_orders_90d,
    predicted.alive_probability,
    predicted.predicted_revenue_90d_usd,
    predicted.predicted_margin_365d_usd,
    chances.churn_30d,
    chances.churn_60d,
    chances.pay_late_30d,
    chances.pay_late_60d,
    chances.email_click_chance,
    sends.best_hours as best_email_hours_local,
    feelings.sentiment_score,
    feelings.sentiment,
    offers.recommended_product_ids,
    next_actions.action as next_best_action,
    next_actions.channel as next_best_action_channel
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
left join {{ ref("micro_segments") }} as micro on facts.customer_id = micro.customer_id
left join {{ ref("predicted_value") }} as predicted on facts.customer_id = predicted.customer_id
left join (
    select
        customer_id,
        max(value) filter (score = 'churn_30d') as churn_30d,
        max(value) filter (score = 'churn_60d') as churn_60d,
        max(value) filter (score = 'pay_late_30d') as pay_late_30d,
        max(value) filter (score = 'pay_late_60d') as pay_late_60d,
        max(value) filter (score = 'email_click') as email_click_chance
    from {{ ref("customer_scores") }}
    group by customer_id
) as chances on facts.customer_id = chances.customer_id
left join {{ ref("fitted_responses") }} as sends on facts.customer_id = sends.subject_id
left join {{ ref("customer_sentiment") }} as feelings on facts.customer_id = feelings.customer_id
left join (
    select
        customer_id,
        list(product_id order by offer_rank) as recommended_product_ids
    from {{ ref("recommendations") }}
    group by customer_id
) as offers on facts.customer_id = offers.customer_id
left join {{ ref("next_best_actions") }} as next_actions on facts.customer_id = next_actions.customer_id
