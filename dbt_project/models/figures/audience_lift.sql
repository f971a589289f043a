{# K-CASE for audiences and campaigns: what each side bought in the days after it was drawn. Every treated side is compared with the control
   group, and variants with each other. The interval of the share who bought is that of two proportions (Wald), that of money per customer is
   Welch's; both are of 95 percent. An interval that holds zero has shown nothing. #}
with

bought as (

    select
        drawn.audience,
        drawn.campaign,
        drawn.variant,
        drawn.customer_id,
        count(orders.order_id) > 0 as has_bought,
        coalesce(sum(orders.revenue_usd), 0)::double as revenue_usd,
        (coalesce(sum(orders.revenue_usd), 0) - coalesce(sum(costs.cost_usd), 0))::double as margin_usd
    from {{ ref("assignments") }} as drawn
    left join {{ ref("orders") }} as orders
        on
            drawn.customer_id = orders.customer_id
            and not orders.is_credit_note
            and drawn.assigned_at < orders.ordered_at
            and drawn.assigned_at + to_days(drawn.within_days::integer) >= orders.ordered_at
    left join (
        select
            order_id,
            sum(cost_usd) as cost_usd
        from {{ ref("order_lines") }}
        group by order_id
    ) as costs on orders.order_id = costs.order_id
    group by drawn.audience, drawn.campaign, drawn.variant, drawn.customer_id

),

sides as (

    select
        audience,
        campaign,
        variant,
        count(*) as customers_count,
        count(*) filter (has_bought) as buyers_count,
        avg(has_bought::integer) as rate,
        avg(revenue_usd order by customer_id) as revenue,
        coalesce(var_samp(revenue_usd order by customer_id), 0) / count(*) as revenue_variance,
        avg(margin_usd order by customer_id) as margin
    from bought
    group by audience, campaign, variant

),

compared as (

    select
        one.*,
        other.variant as compared_with,
        other.customers_count as other_count,
        other.rate as other_rate,
        other.revenue as other_revenue,
        other.margin as other_margin,
        one.rate - other.rate as lift,
        1.96 * sqrt(one.rate * (1 - one.rate) / one.customers_count + other.rate * (1 - other.rate) / other.customers_count) as half_width,
        1.96 * sqrt(one.revenue_variance + other.revenue_variance) as revenue_half_width
    from sides as one
    inner join sides as other
        on
            one.audience = other.audience
            and one.campaign is not distinct from other.campaign
            and one.variant <> 'control'
            and (other.variant = 'control' or one.variant < other.variant)

)

select
    {{ surrogate_key(["audience", "campaign", "variant", "compared_with"]) }} as lift_key,
    audience,
    campaign,
    variant,
    compared_with,
    customers_count,
    other_count as compared_count,
    buyers_count,
    (100 * rate)::decimal(6, 2) as bought_pct,
    (100 * other_rate)::decimal(6, 2) as compared_pct,
    (100 * lift)::decimal(6, 2) as lift_pct,
    (100 * (lift - half_width))::decimal(7, 2) as lift_low_pct,
    (100 * (lift + half_width))::decimal(7, 2) as lift_high_pct,
    coalesce(lift - half_width > 0 or lift + half_width < 0, false) as is_significant,
    (revenue - other_revenue)::decimal(18, 2) as revenue_per_customer_usd,
    (revenue - other_revenue - revenue_half_width)::decimal(18, 2) as revenue_low_usd,
    (revenue - other_revenue + revenue_half_width)::decimal(18, 2) as revenue_high_usd,
    (customers_count * (revenue - other_revenue))::decimal(18, 2) as revenue_benefit_usd,
    (customers_count * (margin - other_margin))::decimal(18, 2) as margin_benefit_usd
from compared
