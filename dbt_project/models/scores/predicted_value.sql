{# M02 to come: orders, revenue and margin in 90 and 365 days. Margin is revenue at the margin of all orders; 365 days are
   discounted to their middle at var discount_pct a year. #}
with

margin as (

    select coalesce(sum(credit.margin_usd) / nullif(sum(credit.revenue_usd), 0), 0)::double as margin_share
    from {{ ref("lifetime_value") }} as credit

)

select
    fitted.customer_id,
    as_of.as_of_date,
    fitted.expected_orders_90d::decimal(12, 4) as expected_orders_90d,
    fitted.alive_probability::decimal(7, 6) as alive_probability,
    fitted.predicted_revenue_90d::decimal(18, 2) as predicted_revenue_90d_usd,
    fitted.predicted_revenue_365d::decimal(18, 2) as predicted_revenue_365d_usd,
    (fitted.predicted_revenue_90d * margin.margin_share)::decimal(18, 2) as predicted_margin_90d_usd,
    (fitted.predicted_revenue_365d * margin.margin_share / power(1 + {{ var("discount_pct") }} / 100.0, 0.5))::decimal(18, 2)
        as predicted_margin_365d_usd,
    fitted.model_version,
    fitted.reason as not_published_because
from {{ ref("fitted_value") }} as fitted
cross join {{ ref("int_as_of") }} as as_of
cross join margin
