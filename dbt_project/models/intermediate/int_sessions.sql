{# Visits rebuilt from events by time: a new one after var session_gap_minutes of silence on a device; with what its first events say of
   the browser and of where it came from. Devices, browsers, campaigns and referrers are few and their texts long: events are sorted with
   their numbers, and the texts put in their place at the end. #}
with

contexts as materialized (

    select distinct
        user_agent,
        time_zone,
        locale,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_term,
        referrer
    from {{ ref("int_web_events__unioned") }}

),

browsers as materialized (

    select
        user_agent,
        time_zone,
        locale,
        row_number() over ()::integer as browser
    from contexts
    where user_agent is not null or time_zone is not null or locale is not null
    group by user_agent, time_zone, locale

),

campaigns as materialized (

    select
        utm_source,
        utm_medium,
        utm_campaign,
        utm_term,
        row_number() over ()::integer as campaign
    from contexts
    where utm_source is not null
    group by utm_source, utm_medium, utm_campaign, utm_term

),

referrers as materialized (

    select
        referrer,
        row_number() over ()::integer as referral
    from contexts
    where referrer is not null
    group by referrer

),

devices as materialized (

    select
        anonymous_id,
        row_number() over ()::integer as device
    from {{ ref("int_web_events__unioned") }}
    group by anonymous_id

),

events as (

    select
        devices.device,
        events.occurred_at,
        case events.event_name
            when 'page' then 1
            when 'Product Viewed' then 2
            when 'Product Added' then 3
            when 'Checkout Started' then 4
            when 'Order Completed' then 5
            when 'Phone Clicked' then 6
        end::utinyint as kind,
        events.scroll_pct,
        events.gclid is not null as has_gclid,
        events.fbclid is not null as has_fbclid,
        browsers.browser,
        campaigns.campaign,
        referrers.referral
    from {{ ref("int_web_events__unioned") }} as events
    left join browsers
        on
            events.user_agent is not distinct from browsers.user_agent
            and events.time_zone is not distinct from browsers.time_zone
            and events.locale is not distinct from browsers.locale
    left join campaigns
        on
            events.utm_source = campaigns.utm_source
            and events.utm_medium is not distinct from campaigns.utm_medium
            and events.utm_campaign is not distinct from campaigns.utm_campaign
            and events.utm_term is not distinct from campaigns.utm_term
    left join referrers on events.referrer = referrers.referrer
    inner join devices on events.anonymous_id = devices.anonymous_id

),

gaps as (

    select
        *,
        coalesce(
            occurred_at - lag(occurred_at) over (partition by device order by occurred_at)
            > interval '{{ var("session_gap_minutes") }} minutes',
            true
        ) as is_start
    from events

),

numbered as (

    -- Events of one moment have the same number whichever comes first.
    select
        *,
        count(*) filter (is_start) over (partition by device order by occurred_at) as session_number
    from gaps

),

visits as (

    select
        device,
        session_number,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) as events_count,
        count(*) filter (kind = 1) as page_views,
        count(*) filter (kind = 2) as product_views,
        count(*) filter (kind = 3) as cart_adds,
        count(*) filter (kind = 4) as checkouts,
        count(*) filter (kind = 5) as orders_count,
        count(*) filter (kind = 6) as calls_clicked,
        max(scroll_pct) as max_scroll_pct,
        arg_min(campaign, occurred_at) as campaign,
        arg_min(browser, occurred_at) as browser,
        arg_min(referral, occurred_at) as referral,
        case when bool_or(has_gclid) then 'google' when bool_or(has_fbclid) then 'meta' end as click_id
    from numbered
    group by device, session_number

)

select
    devices.anonymous_id || ':' || visits.session_number as session_id,
    devices.anonymous_id,
    visits.started_at,
    visits.ended_at,
    visits.events_count,
    visits.page_views,
    visits.product_views,
    visits.cart_adds,
    visits.checkouts,
    visits.orders_count,
    visits.calls_clicked,
    visits.max_scroll_pct,
    campaigns.utm_source,
    campaigns.utm_medium,
    campaigns.utm_campaign,
    campaigns.utm_term,
    browsers.user_agent,
    browsers.time_zone,
    browsers.locale,
    referrers.referrer,
    coalesce(lower(campaigns.utm_source), '') as first_source,
    coalesce(lower(campaigns.utm_medium), '') as first_medium,
    visits.click_id
from visits
inner join devices on visits.device = devices.device
left join campaigns on visits.campaign = campaigns.campaign
left join browsers on visits.browser = browsers.browser
left join referrers on visits.referral = referrers.referral
