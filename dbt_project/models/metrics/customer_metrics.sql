{# Every number of a customer in one long table: the value now, 30 and 90 days ago, and where the customer stands among peers, who are
   the customers of the same lifecycle stage. Metrics that only exist now have no past. #}
with

past as (

    select
        activity.customer_id,
        activity.as_of_date,
        activity.days_ago,
        activity.orders_365d::double as orders_365d,
        activity.revenue_365d_usd::double as revenue_365d_usd,
        activity.order_recency_days::double as order_recency_days,
        activity.activity_recency_days::double as activity_recency_days,
        activity.web_visits_90d::double as web_visits_90d,
        activity.email_clicks_90d::double as email_clicks_90d,
        activity.tickets_90d::double as tickets_90d,
        engagement.engagement_score::double as engagement_score,
        marketing.marketing_score::double as marketing_score,
        satisfaction.nps_score::double as nps_score,
        satisfaction.csat_mean_365d::double as csat_mean_365d,
        satisfaction.ces_mean_365d::double as ces_mean_365d
    from {{ ref("customer_activity") }} as activity
    left join {{ ref("engagement") }} as engagement
        on activity.customer_id = engagement.customer_id and activity.days_ago = engagement.days_ago
    left join {{ ref("marketing") }} as marketing
        on activity.customer_id = marketing.customer_id and activity.days_ago = marketing.days_ago
    left join {{ ref("satisfaction") }} as satisfaction
        on activity.customer_id = satisfaction.customer_id and activity.days_ago = satisfaction.days_ago

),

now_only as (

    select
        customer_id,
        as_of_date,
        lifetime_revenue_usd::double as lifetime_revenue_usd,
        lifetime_margin_usd::double as lifetime_margin_usd,
        overdue_amount_usd::double as overdue_amount_usd,
        advocate_score::double as advocate_score,
        last_activity_score::double as last_activity_score,
        health_score::double as health_score,
        lead_points::double as lead_points,
        lead_score::double as lead_score,
        data_quality_score::double as data_quality_score,
        sentiment_score::double as sentiment_score,
        predicted_revenue_90d_usd::double as predicted_revenue_90d_usd,
        predicted_margin_365d_usd::double as predicted_margin_365d_usd,
        churn_30d::double as churn_30d,
        churn_60d::double as churn_60d,
        pay_late_30d::double as pay_late_30d,
        pay_late_60d::double as pay_late_60d,
        email_click_chance::double as email_click_chance
    from {{ ref("customers") }}

),

long_past as (

    unpivot past
    on columns(* exclude (customer_id, as_of_date, days_ago))
    into name metric value value

),

long_now as (

    unpivot now_only
    on columns(* exclude (customer_id, as_of_date))
    into name metric value value

),

together as (

    select
        customer_id,
        metric,
        max(value) filter (days_ago = 0) as value,
        max(value) filter (days_ago = 30) as value_30d_ago,
        max(value) filter (days_ago = 90) as value_90d_ago
    from long_past
    group by customer_id, metric
    having max(value) filter (days_ago = 0) is not null
    union all
    select
        customer_id,
        metric,
        value,
        null,
        null
    from long_now

)

select
    together.customer_id,
    stages.as_of_date,
    together.metric,
    together.value,
    together.value_30d_ago,
    together.value_90d_ago,
    together.value - together.value_30d_ago as change_30d,
    together.value - together.value_90d_ago as change_90d,
    (100 * percent_rank() over (partition by together.metric, stages.lifecycle_stage order by together.value))::decimal(5, 1)
        as peer_percentile,
    stages.lifecycle_stage as peers
from together
inner join {{ ref("lifecycle_stages") }} as stages on together.customer_id = stages.customer_id
