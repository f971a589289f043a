{# Visits rebuilt from events by time: a new one after var session_gap_minutes of silence on a device. The customer is who
   the device belonged to when the visit began. #}
with

gaps as (

    select
        *,
        coalesce(
            occurred_at - lag(occurred_at) over device > interval '{{ var("session_gap_minutes") }} minutes', true
        ) as is_start
    from {{ ref("int_web_events__unioned") }}
    window device as (partition by anonymous_id order by occurred_at, event_id)

),

numbered as (

    select
        *,
        sum(is_start::integer) over (partition by anonymous_id order by occurred_at, event_id) as session_number
    from gaps

),

sessions as (

    select
        anonymous_id || ':' || session_number as session_id,
        anonymous_id,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) as events_count,
        count(*) filter (event_name = 'page') as page_views,
        count(*) filter (event_name = 'Product Viewed') as product_views,
        count(*) filter (event_name = 'Product Added') as cart_adds,
        count(*) filter (event_name = 'Checkout Started') as checkouts,
        count(*) filter (event_name = 'Order Completed') as orders_count,
        count(*) filter (event_name = 'Phone Clicked') as calls_clicked,
        max(scroll_pct) as max_scroll_pct,
        arg_min(utm_source, occurred_at) filter (utm_source is not null) as utm_source,
        arg_min(utm_medium, occurred_at) filter (utm_source is not null) as utm_medium,
        arg_min(utm_campaign, occurred_at) filter (utm_source is not null) as utm_campaign
    from numbered
    group by anonymous_id, session_number

)

select
    sessions.session_id,
    sessions.anonymous_id,
    logins.customer_id,
    sessions.started_at,
    sessions.ended_at,
    date_diff('second', sessions.started_at, sessions.ended_at) as duration_s,
    sessions.events_count,
    sessions.page_views,
    sessions.product_views,
    sessions.cart_adds,
    sessions.checkouts,
    sessions.orders_count,
    sessions.calls_clicked,
    sessions.max_scroll_pct,
    sessions.events_count = 1 as is_bounce,
    sessions.utm_source,
    sessions.utm_medium,
    sessions.utm_campaign
from sessions
left join {{ source("identity", "device_logins") }} as logins
    on
        sessions.anonymous_id = logins.anonymous_id
        and sessions.started_at >= logins.valid_from
        and sessions.started_at < logins.valid_to
