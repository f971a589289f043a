{# M14: points of what the customer did, each losing half in its half-life, and the rank among those who did anything. #}
select
    customer_id,
    as_of_date,
    days_ago,
    engagement_points,
    case
        when engagement_points < 0.01 then 0
        else (100 * percent_rank() over (partition by days_ago, engagement_points >= 0.01 order by engagement_points))::decimal(5, 1)
    end::decimal(5, 1) as engagement_score
from {{ ref("customer_activity") }}
