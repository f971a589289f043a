{# M08: everything that might be done next with a customer, with what it is expected to bring and what holds it back. #}
with

facts as (

    select
        facts.customer_id,
        facts.as_of_date,
        facts.overdue_amount_usd,
        facts.orders_count,
        facts.last_order_days,
        latest.open_complaints_count,
        reach.channels as reachable,
        coalesce(sent.sends_7d, 0) as sends_7d,
        clicks.value as click_chance,
        value.mean_order_usd
    from {{ ref("int_customers__facts") }} as facts
    left join {{ ref("last_activity") }} as latest on facts.customer_id = latest.customer_id
    left join {{ ref("lifetime_value") }} as value on facts.customer_id = value.customer_id
    left join {{ ref("customer_scores") }} as clicks on facts.customer_id = clicks.customer_id and clicks.score = 'email_click'
    left join (
        select
            customer_id,
            list(channel order by channel) as channels
        from {{ ref("reachability") }}
        where is_reachable
        group by customer_id
    ) as reach on facts.customer_id = reach.customer_id
    left join (
        select
            emails.customer_id,
            count(*) as sends_7d
        from {{ ref("email_engagement") }} as emails
        cross join {{ ref("int_as_of") }} as as_of
        where emails.sent_at::date > as_of.as_of_date - 7 and emails.sent_at::date <= as_of.as_of_date
        group by emails.customer_id
    ) as sent on facts.customer_id = sent.customer_id

),

eligible as (

    select
        customer_id,
        'resolve_complaint' as action,
        null as subject_id,
        null::decimal(18, 2) as worth_usd
    from facts
    where open_complaints_count > 0
    union all
    select
        customer_id,
        'remind_payment',
        null,
        overdue_amount_usd
    from facts
    where overdue_amount_usd > 0
    union all
    select
        links.customer_id,
        'call_renewal',
        min(contracts.contract_id),
        sum(contracts.annual_value_usd)
    from {{ ref("contracts") }} as contracts
    inner join {{ source("identity", "customer_accounts") }} as links on contracts.account_id = links.account_id
    where contracts.is_active and contracts.renewal_in_days between 0 and 90
    group by links.customer_id
    union all
    select
        carts.customer_id,
        'remind_cart',
        arg_max(carts.cart_id, (carts.abandoned_at, carts.cart_id)),
        arg_max(carts.cart_total_usd, (carts.abandoned_at, carts.cart_id))
    from {{ ref("abandoned_carts") }} as carts
    cross join {{ ref("int_as_of") }} as as_of
    where
        carts.customer_id is not null
        and not carts.is_recovered
        and carts.abandoned_at::date > as_of.as_of_date - {{ var("cart_recovery_days") }}
        and carts.abandoned_at::date <= as_of.as_of_date
    group by carts.customer_id
    union all
    select
        offers.customer_id,
        'offer_product',
        offers.product_id,
        facts.mean_order_usd
    from {{ ref("recommendations") }} as offers
    inner join facts on offers.customer_id = facts.customer_id
    where offers.offer_rank = 1 and facts.last_order_days <= {{ var("reengage_after_days") }}
    union all
    select
        customer_id,
        'win_back',
        null,
        mean_order_usd
    from facts
    where last_order_days > {{ var("reengage_after_days") }} and last_order_days <= {{ var("reengage_until_days") }}
    union all
    select
        advocates.customer_id,
        'ask_referral',
        null,
        null
    from {{ ref("advocate") }} as advocates
    where advocates.advocate_score >= 70
    union all
    select
        customer_id,
        'welcome_first_order',
        null,
        null
    from facts
    where orders_count = 0
    union all
    select
        facts.customer_id,
        'ask_survey',
        null,
        null
    from facts
    left join {{ ref("satisfaction") }} as satisfaction on facts.customer_id = satisfaction.customer_id and satisfaction.days_ago = 0
    where facts.last_order_days between 7 and 60 and coalesce(satisfaction.nps_age_days, 9999) > 180
    union all
    select
        customer_id,
        'ask_profile',
        next_profile_field,
        null
    from {{ ref("next_profile_field") }}
    where next_profile_field is not null

),

weighed as (

    select
        facts.customer_id,
        facts.as_of_date,
        eligible.action,
        eligible.subject_id,
        actions.is_marketing,
        case
            when not actions.is_marketing then split_part(actions.channels, '|', 1)
            else list_filter(str_split(actions.channels, '|'), lambda channel: list_contains(coalesce(facts.reachable, []), channel))[1]
        end as channel,
        case
            when actions.is_marketing and facts.click_chance is not null then facts.click_chance * actions.response_pct / 5
            else actions.response_pct / 100
        end::double as response_chance,
        case actions.value_basis
            when 'fixed' then actions.base_value_usd
            else coalesce(eligible.worth_usd, 0) * actions.value_pct / 100
        end::double as answer_value_usd,
        actions.cost_usd,
        case
            when not actions.is_marketing then null
            when facts.open_complaints_count > 0 then 'open complaint'
            when facts.overdue_amount_usd > 0 then 'payment overdue'
            when channel is null then 'no channel with consent'
            when facts.sends_7d >= {{ var("sends_a_week") }} then 'many messages this week'
        end as held_back_by
    from eligible
    inner join facts on eligible.customer_id = facts.customer_id
    inner join {{ ref("next_actions") }} as actions on eligible.action = actions.action

)

select
    customer_id,
    as_of_date,
    action,
    subject_id,
    channel,
    is_marketing,
    least(response_chance, 1)::decimal(7, 6) as response_chance,
    answer_value_usd::decimal(18, 2) as answer_value_usd,
    (least(response_chance, 1) * answer_value_usd - cost_usd)::decimal(18, 4) as expected_value_usd,
    held_back_by
from weighed
