{# Visits with whom they belong to: the customer is who the device belonged to when the visit began. #}
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
    sessions.utm_campaign,
    sessions.utm_term
from {{ ref("int_sessions") }} as sessions
left join {{ source("identity", "device_logins") }} as logins
    on
        sessions.anonymous_id = logins.anonymous_id
        and sessions.started_at >= logins.valid_from
        and sessions.started_at < logins.valid_to
