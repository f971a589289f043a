{# M09: would they speak well of us: the newest NPS (half in a year), orders and years with us, answers to campaigns and surveys, and
   no complaints. What is not known takes no part, and the weights of the rest are scaled up. #}
with

parts as (

    select
        facts.customer_id,
        facts.as_of_date,
        case
            when satisfaction.nps_score is null then null
            else 50 + (satisfaction.nps_score * 10 - 50) * power(0.5, satisfaction.nps_age_days / 365.0)
        end as recommendation,
        least(100, 15 * facts.orders_count + 10 * coalesce((facts.as_of_date - facts.first_order_date) / 365.0, 0)) as loyalty,
        least(100, 20 * coalesce(satisfaction.answers_count, 0) + 25 * coalesce(activity.campaign_responses_365d, 0)) as participation,
        greatest(0, 100 - 50 * coalesce(activity.complaints_90d, 0) - 10 * coalesce(activity.tickets_90d, 0)) as contentment
    from {{ ref("int_customers__facts") }} as facts
    left join {{ ref("satisfaction") }} as satisfaction
        on facts.customer_id = satisfaction.customer_id and satisfaction.days_ago = 0
    left join {{ ref("customer_activity") }} as activity
        on facts.customer_id = activity.customer_id and activity.days_ago = 0

)

select
    customer_id,
    as_of_date,
    recommendation::decimal(5, 1) as recommendation,
    loyalty::decimal(5, 1) as loyalty,
    participation::decimal(5, 1) as participation,
    contentment::decimal(5, 1) as contentment,
    {{ weighted_score("advocate", ["recommendation", "loyalty", "participation", "contentment"]) }} as advocate_score,
    recommendation is null as is_partly_known
from parts
