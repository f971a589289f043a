{# M12: campaigns received in the last 90 days, opens and clicks a month, and a score by rank of what was answered. Clicks count five
   times an open, since mail programs open by themselves; an answer to a campaign ten times. #}
with

rates as (

    select
        customer_id,
        as_of_date,
        days_ago,
        emails_sent_90d,
        (email_opens_90d / 3.0)::decimal(10, 2) as opens_a_month,
        (email_clicks_90d / 3.0)::decimal(10, 2) as clicks_a_month,
        (100.0 * email_clicks_90d / nullif(email_opens_90d, 0))::decimal(10, 1) as click_to_open_pct,
        campaign_responses_365d,
        email_opens_90d + 5 * email_clicks_90d + 10 * campaign_responses_365d as answered
    from {{ ref("customer_activity") }}

),

counted as (

    select
        days_ago,
        answered,
        count(*) as customers_count
    from rates
    group by days_ago, answered

),

places as (

    -- The share of customers who answered as much or less; to count values first keeps millions of rows from being sorted.
    select
        days_ago,
        answered,
        sum(customers_count) over (partition by days_ago order by answered)::double
        / sum(customers_count) over (partition by days_ago)::double as place
    from counted

)

select
    rates.* exclude (answered),
    case when rates.answered = 0 then 0 else (100 * places.place)::decimal(5, 1) end::decimal(5, 1) as marketing_score
from rates
inner join places on rates.days_ago = places.days_ago and rates.answered = places.answered
