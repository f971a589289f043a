{# One row per customer: golden record, household, what they bought, owe, saw and opened up to the as-of
   date; metrics are built on it. #}
{# Whose silence reaches a bound on a day is told of on it: bounds of lifecycles and of those to be won back. #}
{{ config(meta={"turns": "len(list_filter([90, 180, 365, " ~ var("reengage_after_days") ~ ", " ~ var("reengage_until_days") ~ "], lambda bound: as_of_date - last_order_date > bound))"}) }}
with

order_facts as (

    select
        customer_id,
        count(*) filter (not is_credit_note) as orders_count,
        min(order_date) filter (not is_credit_note) as first_order_date,
        max(order_date) filter (not is_credit_note) as last_order_date,
        sum(revenue_usd) as lifetime_revenue_usd
    from {{ ref("orders") }}
    cross join {{ ref("int_as_of") }} as as_of
    where customer_id is not null and order_date <= as_of.as_of_date
    group by customer_id

),

owed as (

    select
        customer_id,
        sum(open_amount_usd) filter (is_overdue) as overdue_amount_usd,
        max(overdue_days) filter (is_overdue) as max_overdue_days
    from {{ ref("receivables") }}
    where customer_id is not null
    group by customer_id

),

visits as (

    select
        customer_id,
        count(*) as web_sessions_count,
        max(started_at) as last_web_session_at
    from {{ ref("web_sessions") }}
    cross join {{ ref("int_as_of") }} as as_of
    where customer_id is not null and started_at::date <= as_of.as_of_date
    group by customer_id

),

emails as (

    select
        customer_id,
        count(*) as emails_sent_count,
        count(*) filter (opens_count > 0) as emails_opened_count,
        count(*) filter (clicks_count > 0) as emails_clicked_count,
        max(greatest(coalesce(first_opened_at, sent_at), coalesce(first_clicked_at, sent_at))) filter (opens_count > 0)
            as last_email_engaged_at
    from {{ ref("email_engagement") }}
    cross join {{ ref("int_as_of") }} as as_of
    where customer_id is not null and coalesce(sent_at::date <= as_of.as_of_date, true)
    group by customer_id

)

select
    profiles.customer_id,
    as_of.as_of_date,
    profiles.given_name,
    profiles.surnames,
    profiles.email,
    profiles.phone,
    profiles.tax_id,
    profiles.birth_date,
    profiles.street,
    profiles.city,
    profiles.postcode,
    profiles.region,
    profiles.country,
    profiles.emails,
    profiles.phones,
    profiles.sources,
    profiles.records as source_records_count,
    profiles.first_seen_at,
    profiles.last_seen_at,
    households.household_id,
    coalesce(order_facts.orders_count, 0) as orders_count,
    order_facts.first_order_date,
    order_facts.last_order_date,
    as_of.as_of_date - order_facts.last_order_date as last_order_days,
    coalesce(order_facts.lifetime_revenue_usd, 0) as lifetime_revenue_usd,
    coalesce(owed.overdue_amount_usd, 0) as overdue_amount_usd,
    coalesce(owed.max_overdue_days, 0) as max_overdue_days,
    coalesce(visits.web_sessions_count, 0) as web_sessions_count,
    visits.last_web_session_at,
    coalesce(emails.emails_sent_count, 0) as emails_sent_count,
    coalesce(emails.emails_opened_count, 0) as emails_opened_count,
    coalesce(emails.emails_clicked_count, 0) as emails_clicked_count,
    emails.last_email_engaged_at
from {{ source("identity", "profiles") }} as profiles
cross join {{ ref("int_as_of") }} as as_of
left join {{ source("identity", "households") }} as households on profiles.customer_id = households.customer_id
left join order_facts on profiles.customer_id = order_facts.customer_id
left join owed on profiles.customer_id = owed.customer_id
left join visits on profiles.customer_id = visits.customer_id
left join emails on profiles.customer_id = emails.customer_id
