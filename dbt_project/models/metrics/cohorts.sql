{# M05 and K-COHORT: customers by the month of their first order, and how many of them, with what revenue, came back in each
   month after it. The month that is not over is marked: its figures still grow. #}
with

firsts as (

    select
        customer_id,
        date_trunc('month', min(order_date) filter (not is_credit_note))::date as cohort_month
    from {{ ref("orders") }}
    where customer_id is not null
    group by customer_id
    having count(*) filter (not is_credit_note) > 0

),

sizes as (

    select
        cohort_month,
        count(*) as cohort_customers
    from firsts
    group by cohort_month

),

months as (

    select
        firsts.cohort_month,
        date_diff('month', firsts.cohort_month, orders.order_date) as months_since,
        count(distinct orders.customer_id) filter (not orders.is_credit_note) as active_customers,
        sum(orders.revenue_usd)::decimal(18, 2) as revenue_usd
    from firsts
    inner join {{ ref("orders") }} as orders on firsts.customer_id = orders.customer_id
    group by firsts.cohort_month, months_since

)

select
    sizes.cohort_month,
    spans.months_since,
    sizes.cohort_customers,
    coalesce(months.active_customers, 0) as active_customers,
    (100.0 * coalesce(months.active_customers, 0) / sizes.cohort_customers)::decimal(6, 2) as retention_pct,
    coalesce(months.revenue_usd, 0)::decimal(18, 2) as revenue_usd,
    (coalesce(months.revenue_usd, 0) / sizes.cohort_customers)::decimal(18, 2) as revenue_per_customer_usd,
    last_day((sizes.cohort_month + to_months(spans.months_since::integer))::date) > as_of.as_of_date as is_partial
from sizes
cross join {{ ref("int_as_of") }} as as_of
cross join lateral (
    select unnest(range(0, date_diff('month', sizes.cohort_month, as_of.as_of_date) + 1)) as months_since
) as spans
left join months on sizes.cohort_month = months.cohort_month and spans.months_since = months.months_since
