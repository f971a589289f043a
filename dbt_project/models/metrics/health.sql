{# Customer health, 0 to 100: purchase (half at the customer's own rhythm gone by twice), engagement, support, satisfaction and payment,
   by declared weights; what is not known takes no part. Only customers who bought or have a contract have a health. #}
with

paid as (

    select
        customer_id,
        100 - least(100, 100.0 * count(*) filter (status = 'overdue') / count(*) * 2 + avg(late_days)) as payment
    from {{ ref("invoices") }}
    where customer_id is not null and amount > 0
    group by customer_id

),

rhythm as (

    select
        customer_id,
        greatest(30, coalesce(avg(gap_days), 180)) as usual_gap_days
    from (
        select
            customer_id,
            order_date - lag(order_date) over (partition by customer_id order by order_date) as gap_days
        from (select distinct
customer_id,
order_date
from {{ ref("orders") }}
where customer_id is not null and not is_credit_note)
    )
    group by customer_id

),

parts as (

    select
        facts.customer_id,
        facts.as_of_date,
        100 * power(0.5, facts.last_order_days / (2 * rhythm.usual_gap_days)) as purchase,
        coalesce(engagement.engagement_score, 0) as engagement,
        greatest(0, 100 - 10 * coalesce(activity.tickets_90d, 0) - 25 * coalesce(activity.complaints_90d, 0)) as support,
        coalesce(satisfaction.nps_score * 10, (satisfaction.csat_mean_365d - 1) * 25) as satisfaction,
        paid.payment
    from {{ ref("int_customers__facts") }} as facts
    left join rhythm on facts.customer_id = rhythm.customer_id
    left join {{ ref("engagement") }} as engagement on facts.customer_id = engagement.customer_id and engagement.days_ago = 0
    left join {{ ref("customer_activity") }} as activity on facts.customer_id = activity.customer_id and activity.days_ago = 0
    left join {{ ref("satisfaction") }} as satisfaction on facts.customer_id = satisfaction.customer_id and satisfaction.days_ago = 0
    left join paid on facts.customer_id = paid.customer_id
    where facts.orders_count > 0

),

scored as (

    select
        *,
        {{ weighted_score("health", ["purchase", "engagement", "support", "satisfaction", "payment"]) }} as health_score
    from parts

)

select
    scored.customer_id,
    scored.as_of_date,
    scored.purchase::decimal(5, 1) as purchase,
    scored.engagement::decimal(5, 1) as engagement,
    scored.support::decimal(5, 1) as support,
    scored.satisfaction::decimal(5, 1) as satisfaction,
    scored.payment::decimal(5, 1) as payment,
    scored.health_score,
    bands.band as health_band,
    scored.satisfaction is null or scored.payment is null as is_partly_known
from scored
left join {{ ref("score_bands") }} as bands
    on bands.score = 'health' and scored.health_score >= bands.from_value and scored.health_score < bands.until_value
