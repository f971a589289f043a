{# What a visit tells beyond itself: its channel by the first source or click id, the class of device, the visitor's clock. #}
with

first_events as (

    select
        sessions.session_id,
        sessions.started_at,
        arg_min(events.user_agent, events.occurred_at) as user_agent,
        arg_min(events.time_zone, events.occurred_at) as time_zone,
        arg_min(events.locale, events.occurred_at) as locale,
        arg_min(events.referrer, events.occurred_at) as referrer,
        coalesce(lower(arg_min(events.utm_source, events.occurred_at)), '') as utm_source,
        coalesce(lower(arg_min(events.utm_medium, events.occurred_at)), '') as utm_medium,
        case
            when max(events.gclid) is not null then 'google'
            when max(events.fbclid) is not null then 'meta'
        end as click_id
    from {{ ref("web_sessions") }} as sessions
    inner join {{ ref("int_web_events__unioned") }} as events
        on
            sessions.anonymous_id = events.anonymous_id
            and events.occurred_at between sessions.started_at and sessions.ended_at
    group by sessions.session_id, sessions.started_at

),

ruled as (

    select
        first_events.session_id,
        arg_min(rules.channel, rules.priority) as channel
    from first_events
    inner join {{ ref("channels") }} as rules
        on
            (rules.has_click_id is not null and first_events.click_id = rules.has_click_id)
            or (
                rules.has_click_id is null
                and first_events.utm_source <> ''
                and regexp_full_match(first_events.utm_source, rules.source_pattern)
                and regexp_full_match(first_events.utm_medium, rules.medium_pattern)
            )
    group by first_events.session_id

),

local_clock as (

    select
        *,
        case
            when time_zone is not null then timezone(time_zone, timezone('UTC', started_at))
        end as started_at_local
    from first_events

)

select
    local_clock.session_id,
    coalesce(
        ruled.channel,
        case
            when local_clock.utm_source <> '' then 'other'
            when local_clock.referrer is not null then 'referral'
            else 'direct'
        end
    ) as channel,
    case
        when local_clock.user_agent is null then 'unknown'
        when regexp_matches(local_clock.user_agent, '(?i)bot|crawl|spider|headless') then 'bot'
        when regexp_matches(local_clock.user_agent, '(?i)ipad|tablet|kindle') then 'tablet'
        when regexp_matches(local_clock.user_agent, '(?i)mobi|iphone|android') then 'mobile'
        else 'desktop'
    end as device_class,
    local_clock.time_zone,
    local_clock.started_at_local,
    split_part(local_clock.locale, '-', 1) as language,
    isodow(local_clock.started_at_local) <= 5
    and hour(local_clock.started_at_local) >= {{ var("business_hours")["from"] }}
    and hour(local_clock.started_at_local) < {{ var("business_hours")["until"] }} as is_business_hours
from local_clock
left join ruled on local_clock.session_id = ruled.session_id
