{# AU-RISK: customers whose signs say that they may leave. Critical: use down by 60 %, a payment overdue, or 60 days without engagement of
   somebody who was engaged; early: use down by 30 %, more tickets, or engagement down by half against 30 days ago. #}
with

activity as (

    select
        customer_id,
        max(engagement_points) filter (days_ago = 0) as points_now,
        max(engagement_points) filter (days_ago = 30) as points_30d_ago,
        max(tickets_90d) filter (days_ago = 0) as tickets_now,
        max(tickets_90d) filter (days_ago = 90) as tickets_90d_ago,
        max(activity_recency_days) filter (days_ago = 0) as activity_recency_days,
        max(activity_recency_days) filter (days_ago = 90) as recency_90d_ago
    from {{ ref("customer_activity") }}
    group by customer_id

),

used as (

    select
        links.customer_id,
        min(accounts.usage_change_pct) as usage_change_pct
    from {{ source("identity", "customer_accounts") }} as links
    inner join {{ ref("accounts") }} as accounts on links.account_id = accounts.account_id
    where accounts.is_subscriber
    group by links.customer_id

),

signs as (

    select
        facts.customer_id,
        facts.as_of_date,
        list_filter(
            [
                case when used.usage_change_pct <= -60 then 'use down by 60 %' end,
                case when facts.overdue_amount_usd > 0 then 'payment overdue' end,
                case when activity.activity_recency_days >= 60 and activity.recency_90d_ago < 60 then '60 days without engagement' end
            ],
            lambda sign: sign is not null
        ) as critical_signs,
        list_filter(
            [
                case when used.usage_change_pct <= -30 and used.usage_change_pct > -60 then 'use down by 30 %' end,
                case when activity.tickets_now > coalesce(activity.tickets_90d_ago, 0) and activity.tickets_now >= 2 then 'more tickets' end,
                case when activity.points_30d_ago >= 10 and activity.points_now < activity.points_30d_ago / 2 then 'engagement down' end
            ],
            lambda sign: sign is not null
        ) as early_signs
    from {{ ref("int_customers__facts") }} as facts
    left join activity on facts.customer_id = activity.customer_id
    left join used on facts.customer_id = used.customer_id
    where facts.orders_count > 0 or used.customer_id is not null

)

select
    customer_id,
    as_of_date,
    case when len(critical_signs) > 0 then 'critical' else 'early' end as risk,
    critical_signs || early_signs as signs
from signs
where len(critical_signs) + len(early_signs) > 0
