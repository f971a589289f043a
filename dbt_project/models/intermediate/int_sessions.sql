{# Visits rebuilt from events by time: a new one after var session_gap_minutes of silence on a device; with what its first events say of
   the browser and of where it came from. #}
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
        arg_min(utm_campaign, occurred_at) filter (utm_source is not null) as utm_campaign,
        arg_min(utm_term, occurred_at) filter (utm_source is not null) as utm_term,
        arg_min(user_agent, occurred_at) as user_agent,
        arg_min(time_zone, occurred_at) as time_zone,
        arg_min(locale, occurred_at) as locale,
        arg_min(referrer, occurred_at) as referrer,
        coalesce(lower(arg_min(utm_source, occurred_at)), '') as first_source,
        coalesce(lower(arg_min(utm_medium, occurred_at)), '') as first_medium,
        case
            when max(gclid) is not null then 'google'
            when max(fbclid) is not null then 'meta'
        end as click_id
    from numbered
    group by anonymous_id, session_number

)

select * from sessions
