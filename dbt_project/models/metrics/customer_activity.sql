{# What customers did and were sent, in windows that end at the as-of date and at 30 and 90 days before it. One pass over the
   interactions: counting them by day first would take longer than it saves. #}
with

days as (

    select
        interactions.customer_id,
        interactions.occurred_at::date as day,
        interactions.kind,
        points.points,
        points.half_life_days,
        interactions.value_usd
    from {{ ref("interactions") }} as interactions
    left join {{ ref("engagement_points") }} as points on interactions.kind = points.kind

)

select
    days.customer_id,
    dates.as_of_date,
    dates.days_ago,
    count(*) filter (days.kind = 'order' and dates.as_of_date - days.day < 365) as orders_365d,
    coalesce(sum(days.value_usd) filter (days.kind in ('order', 'credit_note') and dates.as_of_date - days.day < 365), 0)::decimal(18, 2)
        as revenue_365d_usd,
    min(dates.as_of_date - days.day) filter (days.kind = 'order') as order_recency_days,
    min(dates.as_of_date - days.day) filter (days.kind not in ('email_sent', 'consent_given', 'consent_withdrawn', 'credit_note'))
        as activity_recency_days,
    count(*) filter (days.kind = 'web_visit' and dates.as_of_date - days.day < 30) as web_visits_30d,
    count(*) filter (days.kind = 'web_visit' and dates.as_of_date - days.day < 90) as web_visits_90d,
    count(*) filter (days.kind = 'download' and dates.as_of_date - days.day < 90) as downloads_90d,
    count(*) filter (days.kind = 'form' and dates.as_of_date - days.day < 90) as forms_90d,
    count(*) filter (days.kind in ('cart_add', 'checkout', 'cart_abandoned') and dates.as_of_date - days.day < 30) as cart_events_30d,
    count(*) filter (days.kind = 'call' and dates.as_of_date - days.day < 90) as calls_90d,
    count(*) filter (days.kind = 'email_sent' and dates.as_of_date - days.day < 90) as emails_sent_90d,
    count(*) filter (days.kind = 'email_open' and dates.as_of_date - days.day < 90) as email_opens_90d,
    count(*) filter (days.kind = 'email_click' and dates.as_of_date - days.day < 90) as email_clicks_90d,
    count(*) filter (days.kind = 'campaign_response' and dates.as_of_date - days.day < 365) as campaign_responses_365d,
    count(*) filter (days.kind = 'campaign_response' and dates.as_of_date - days.day < 90) as campaign_responses_90d,
    count(*) filter (days.kind in ('ticket', 'complaint') and dates.as_of_date - days.day < 90) as tickets_90d,
    count(*) filter (days.kind = 'complaint' and dates.as_of_date - days.day < 90) as complaints_90d,
    -- Each thing loses half of its points in its half-life; as decimals, so that the sum is the same at every run.
    coalesce(
        sum((days.points * power(0.5, (dates.as_of_date - days.day)::double / days.half_life_days))::decimal(18, 6)), 0
    )::double as engagement_points
from days
inner join {{ ref("int_as_of_dates") }} as dates on days.day <= dates.as_of_date
group by days.customer_id, dates.as_of_date, dates.days_ago
