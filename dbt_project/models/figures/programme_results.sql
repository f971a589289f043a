{# K-CASE: each programme against those who were held out of it. Lift is the difference in the share who bought from its first day to
   30 days after its last, with the 95 percent interval of two proportions (Wald); benefit is the margin above what the control group
   would have brought. A programme whose interval holds zero has shown no effect. #}
with

bought as (

    select
        members.campaign_id,
        members.customer_id,
        members.is_control,
        count(orders.order_id) > 0 as has_bought,
        coalesce(sum(orders.revenue_usd), 0) - coalesce(sum(costs.cost_usd), 0) as margin_usd
    from (select distinct
campaign_id,
customer_id,
is_control
from {{ ref("campaign_members") }}
where customer_id is not null) as members
    inner join {{ ref("campaigns") }} as campaigns on members.campaign_id = campaigns.campaign_id
    left join {{ ref("orders") }} as orders
        on
            members.customer_id = orders.customer_id
            and not orders.is_credit_note
            and orders.order_date between campaigns.starts_date and campaigns.ends_date + 30
    left join (
        select
            order_id,
            sum(cost_usd) as cost_usd
        from {{ ref("order_lines") }}
        group by order_id
    ) as costs on orders.order_id = costs.order_id
    group by members.campaign_id, members.customer_id, members.is_control

),

arms as (

    select
        campaign_id,
        count(*) filter (not is_control) as treated_count,
        count(*) filter (is_control) as control_count,
        avg(has_bought::integer) filter (not is_control) as treated_rate,
        avg(has_bought::integer) filter (is_control) as control_rate,
        avg(margin_usd::double order by customer_id) filter (not is_control) as treated_margin_usd,
        avg(margin_usd::double order by customer_id) filter (is_control) as control_margin_usd
    from bought
    group by campaign_id

),

measured as (

    select
        *,
        treated_rate - control_rate as lift,
        1.96 * sqrt(
            treated_rate * (1 - treated_rate) / treated_count + control_rate * (1 - control_rate) / nullif(control_count, 0)
        ) as half_width
    from arms

)

select
    campaigns.campaign_id,
    campaigns.campaign_name,
    campaigns.channel,
    measured.treated_count,
    measured.control_count,
    (100 * measured.treated_rate)::decimal(6, 2) as treated_pct,
    (100 * measured.control_rate)::decimal(6, 2) as control_pct,
    (100 * measured.lift)::decimal(6, 2) as lift_pct,
    (100 * (measured.lift - measured.half_width))::decimal(6, 2) as lift_low_pct,
    (100 * (measured.lift + measured.half_width))::decimal(6, 2) as lift_high_pct,
    coalesce(measured.lift - measured.half_width > 0 or measured.lift + measured.half_width < 0, false) as is_significant,
    campaigns.cost_usd as investment_usd,
    (measured.treated_count * (measured.treated_margin_usd - measured.control_margin_usd))::decimal(18, 2) as benefit_usd,
    (
        (measured.treated_count * (measured.treated_margin_usd - measured.control_margin_usd) - campaigns.cost_usd)
        / nullif(campaigns.cost_usd, 0)
    )::decimal(12, 3) as roi,
    case
        when measured.treated_margin_usd > measured.control_margin_usd
            then (
                campaigns.cost_usd / (measured.treated_count * (measured.treated_margin_usd - measured.control_margin_usd))
                * (campaigns.ends_date - campaigns.starts_date + 30) / 30.0
            )::decimal(12, 1)
    end as payback_months
from measured
inner join {{ ref("campaigns") }} as campaigns on measured.campaign_id = campaigns.campaign_id
