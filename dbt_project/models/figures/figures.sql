{# Every figure of the catalogue as of the as-of date, one row per figure, period and dimension, with its target and whether it is met, so that
   every tool shows the same number. Without a target, or without a basis, is_met is null. #}
with

web_months as (

    -- What the figures of a group share is counted once; each figure is a line of it.
    select
        date_trunc('month', sessions.started_at)::date as month,
        enrichment.channel,
        count(*) as visits,
        avg(sessions.duration_s) as time_on_site_s,
        avg(sessions.page_views) as pages_per_visit,
        avg(sessions.max_scroll_pct) as scroll_pct,
        count(*) filter (sessions.is_bounce) as bounces,
        count(*) filter (sessions.orders_count > 0) as with_order,
        count(*) filter (sessions.cart_adds > 0 or sessions.checkouts > 0) as with_intent,
        count(*) filter (sessions.cart_adds > 0) as with_cart,
        count(*) filter (sessions.cart_adds > 0 and sessions.orders_count = 0) as cart_left,
        count(*) filter (sessions.calls_clicked > 0) as with_call
    from {{ ref("web_sessions") }} as sessions
    inner join {{ ref("session_enrichment") }} as enrichment on sessions.session_id = enrichment.session_id
    where enrichment.device_class <> 'bot'
    group by month, enrichment.channel

),

call_months as (

    select
        date_trunc('month', started_at)::date as month,
        coalesce(queue, 'line') as queue,
        count(*) filter (is_abandoned and not is_short_abandon) as abandoned,
        count(*) filter (not is_short_abandon) as waited,
        avg(wait_s) filter (not is_abandoned) as wait_s,
        count(*) filter (is_first_contact_resolution) as resolved,
        count(*) filter (not is_abandoned) as taken,
        count(*) filter (csat_score >= 4) as satisfied,
        count(csat_score) as scored
    from {{ ref("calls") }}
    where direction = 'inbound'
    group by month, coalesce(queue, 'line')

),

mail_months as (

    select
        date_trunc('month', sent_at)::date as month,
        campaign_title,
        count(*) as sent,
        count(*) filter (not is_bounced) as delivered,
        count(*) filter (opens_count > 0) as opened,
        count(*) filter (clicks_count > 0) as clicked,
        count(*) filter (is_complained) as complained
    from {{ ref("email_engagement") }}
    where sent_at is not null
    group by month, campaign_title

),

firsts as (

    select
        customer_id,
        min(ordered_at) as first_ordered_at,
        date_trunc('month', min(ordered_at))::date as month
    from {{ ref("orders") }}
    where customer_id is not null and not is_credit_note
    group by customer_id

),

spent as (

    select
        date_trunc('month', spend_date)::date as month,
        sum(cost_usd) as cost_usd
    from {{ ref("ad_spend") }}
    group by month

),

acquisition as (

    select
        spent.month,
        spent.cost_usd / nullif(count(firsts.customer_id), 0) as cac_usd
    from spent
    left join firsts on spent.month = firsts.month
    group by spent.month, spent.cost_usd

),

years as (

    select
        orders.customer_id,
        sum(orders.revenue_usd) filter (orders.order_date > as_of.as_of_date - 365) as now_usd,
        sum(orders.revenue_usd) filter (
            orders.order_date > as_of.as_of_date - 730 and orders.order_date <= as_of.as_of_date - 365
        ) as then_usd
    from {{ ref("orders") }} as orders
    cross join {{ ref("int_as_of") }} as as_of
    where orders.customer_id is not null and orders.order_date <= as_of.as_of_date
    group by orders.customer_id

),

active as (

    select count(distinct care_account_id) as accounts_count
    from {{ ref("contracts") }}
    where is_active

),

found as (

    {# K-CALL #}
    select
        'call_abandonment_pct' as figure,
        month as period,
        'queue' as dimension,
        queue as dimension_value,
        100.0 * abandoned / nullif(waited, 0) as value
    from call_months
    union all
    select
        'call_wait_s',
        month,
        'queue',
        queue,
        wait_s
    from call_months
    union all
    select
        'first_call_resolution_pct',
        month,
        'queue',
        queue,
        100.0 * resolved / nullif(taken, 0)
    from call_months
    union all
    select
        'call_csat_pct',
        month,
        'queue',
        queue,
        100.0 * satisfied / nullif(scored, 0)
    from call_months
    union all
    {# K-WEB #}
    select
        'time_on_site_s',
        month,
        'channel',
        channel,
        time_on_site_s
    from web_months
    union all
    select
        'pages_per_visit',
        month,
        'channel',
        channel,
        pages_per_visit
    from web_months
    union all
    select
        'bounce_pct',
        month,
        'channel',
        channel,
        100.0 * bounces / visits
    from web_months
    union all
    select
        'scroll_pct',
        month,
        'channel',
        channel,
        scroll_pct
    from web_months
    union all
    select
        'macro_conversion_pct',
        month,
        'channel',
        channel,
        100.0 * with_order / visits
    from web_months
    union all
    select
        'micro_conversion_pct',
        month,
        'channel',
        channel,
        100.0 * with_intent / visits
    from web_months
    union all
    select
        'cart_abandonment_pct',
        month,
        'channel',
        channel,
        100.0 * cart_left / nullif(with_cart, 0)
    from web_months
    union all
    select
        'click_to_call_pct',
        month,
        'channel',
        channel,
        100.0 * with_call / visits
    from web_months
    union all
    {# K-EMAIL #}
    select
        'email_delivered_pct',
        month,
        'campaign',
        campaign_title,
        100.0 * delivered / sent
    from mail_months
    union all
    select
        'email_open_pct',
        month,
        'campaign',
        campaign_title,
        100.0 * opened / nullif(delivered, 0)
    from mail_months
    union all
    select
        'email_click_pct',
        month,
        'campaign',
        campaign_title,
        100.0 * clicked / nullif(delivered, 0)
    from mail_months
    union all
    select
        'email_complaint_pct',
        month,
        'campaign',
        campaign_title,
        100.0 * complained / nullif(delivered, 0)
    from mail_months
    union all
    {# K-ROI and K-BUDGET #}
    select
        'cac_usd',
        month,
        'all',
        'all',
        cac_usd
    from acquisition
    union all
    select
        'ltv_to_cac',
        null,
        'all',
        'all',
        (select avg(margin_usd) from {{ ref("lifetime_value") }}) / nullif((select avg(cac_usd::decimal(18, 6)) from acquisition), 0)
    union all
    select
        'marketing_originated_pct',
        firsts.month,
        'all',
        'all',
        100.0 * count(distinct firsts.customer_id) filter (touches.channel is not null) / count(distinct firsts.customer_id)
    from firsts
    left join {{ ref("int_touches") }} as touches
        on
            firsts.customer_id = touches.customer_id
            and firsts.first_ordered_at = touches.ordered_at
            and (touches.campaign is not null or touches.channel in ('paid_search', 'paid_social', 'display', 'affiliate', 'email'))
    group by firsts.month
    union all
    select
        'roi',
        null,
        'campaign',
        campaign_name,
        roi
    from {{ ref("campaign_results") }}
    where cost_usd is not null
    union all
    select
        'budget_spent_pct',
        null,
        'campaign',
        campaign_name,
        budget_spent_pct
    from {{ ref("campaign_results") }}
    where budget_usd is not null
    union all
    {# K-FUNNEL #}
    select
        'lead_conversion_pct',
        null,
        'lead_source',
        lead_source,
        conversion_pct
    from {{ ref("funnel") }}
    union all
    select
        'lead_response_minutes',
        null,
        'lead_source',
        lead_source,
        response_minutes
    from {{ ref("funnel") }}
    union all
    select
        'sales_cycle_days',
        null,
        'lead_source',
        lead_source,
        sales_cycle_days
    from {{ ref("funnel") }}
    union all
    select
        'deal_size_usd',
        null,
        'lead_source',
        lead_source,
        deal_size_usd
    from {{ ref("funnel") }}
    union all
    {# K-CSM #}
    select
        'nrr_pct',
        null,
        'all',
        'all',
        100.0 * sum(coalesce(now_usd, 0)) / nullif(sum(then_usd), 0)
    from years
    where then_usd > 0
    union all
    select
        'grr_pct',
        null,
        'all',
        'all',
        100.0 * sum(greatest(least(coalesce(now_usd, 0), then_usd), 0)) / nullif(sum(then_usd), 0)
    from years
    where then_usd > 0
    union all
    select
        'contract_churn_pct',
        null,
        'plan',
        plan,
        100.0 * count(*) filter (not is_active) / count(*)
    from {{ ref("contracts") }}
    group by plan
    union all
    select
        'renewals_due_90d',
        null,
        'plan',
        plan,
        count(*) filter (is_active and renewal_in_days between 0 and 90)
    from {{ ref("contracts") }}
    group by plan
    union all
    select
        'adoption_pct',
        null,
        'feature',
        usage.feature,
        100.0 * count(distinct usage.care_account_id)
        / nullif((select active.accounts_count from active), 0)
    from {{ ref("product_usage") }} as usage
    cross join {{ ref("int_as_of") }} as as_of
    inner join {{ ref("contracts") }} as contracts on usage.care_account_id = contracts.care_account_id and contracts.is_active
    where usage.used_date > as_of.as_of_date - 30 and usage.used_date <= as_of.as_of_date
    group by usage.feature
    union all
    {# K-SURVEY #}
    select
        'nps',
        null,
        'process',
        answers.process,
        100.0 * (count(*) filter (answers.answer_class = 'promoter') - count(*) filter (answers.answer_class = 'detractor')) / count(*)
    from {{ ref("survey_answers") }} as answers
    cross join {{ ref("int_as_of") }} as as_of
    where answers.survey_type = 'nps' and answers.answered_at::date > as_of.as_of_date - 365
    group by answers.process
    union all
    select
        'survey_gap',
        null,
        'process',
        process,
        sum(gap * employee_answers) / sum(employee_answers)
    from {{ ref("survey_gaps") }}
    where gap is not null
    group by process
    union all
    {# K-CASE #}
    select
        'programme_lift_pct',
        null,
        'programme',
        campaign_name,
        lift_pct
    from {{ ref("programme_results") }}
    union all
    select
        'programme_roi',
        null,
        'programme',
        campaign_name,
        roi
    from {{ ref("programme_results") }}
    union all
    select
        'audience_lift_pct',
        null,
        'audience',
        audience || coalesce(' / ' || campaign, '') || ' / ' || variant,
        lift_pct
    from {{ ref("audience_lift") }}
    where compared_with = 'control'
    union all
    select
        'campaign_reached_pct',
        null,
        'campaign',
        campaign,
        100 * reached / nullif(goal_target, 0)
    from {{ ref("campaign_outcomes") }}
    union all
    {# K-DEMAND #}
    select
        'products_viral',
        null,
        'all',
        'all',
        count(*) filter (is_viral)
    from {{ ref("product_signals") }}
    union all
    select
        'products_overstock',
        null,
        'all',
        'all',
        count(*) filter (is_overstock)
    from {{ ref("product_signals") }}

)

select
    {{ surrogate_key(["found.figure", "found.period", "found.dimension", "found.dimension_value"]) }} as figure_key,
    found.figure,
    as_of.as_of_date,
    found.period,
    found.dimension,
    found.dimension_value,
    found.value::double as value,
    targets.unit,
    targets.target_min,
    targets.target_max,
    case
        when found.value is null or (targets.target_min is null and targets.target_max is null) then null
        else coalesce(found.value >= targets.target_min, true) and coalesce(found.value <= targets.target_max, true)
    end as is_met,
    targets.name_en,
    targets.name_es,
    targets.definition
from found
cross join {{ ref("int_as_of") }} as as_of
inner join {{ ref("figure_targets") }} as targets on found.figure = targets.figure
