{# M05 per customer: revenue against the mean of those who began in the same month. #}
with

values_now as (

    select
        customer_id,
        as_of_date,
        date_trunc('month', first_order_date)::date as cohort_month,
        revenue_usd,
        orders_count
    from {{ ref("lifetime_value") }}
    where first_order_date is not null

)

select
    customer_id,
    as_of_date,
    cohort_month,
    count(*) over cohort as cohort_customers,
    revenue_usd,
    (avg(revenue_usd) over cohort)::decimal(18, 2) as cohort_mean_revenue_usd,
    (100.0 * revenue_usd / nullif((avg(revenue_usd) over cohort)::decimal(18, 2), 0))::decimal(12, 1) as against_cohort_pct,
    (100 * percent_rank() over (partition by cohort_month order by revenue_usd))::decimal(5, 1) as percentile_in_cohort
from values_now
window cohort as (partition by cohort_month)
