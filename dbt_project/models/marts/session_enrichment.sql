{# What a visit tells beyond itself: its channel by the first source or click id, the class of device, the visitor's clock. Rules and
   patterns are tried once for each thing that is written, not for each visit. #}
with

origins as (

    select distinct
        click_id,
        first_source,
        first_medium
    from {{ ref("int_sessions") }}

),

ruled as (

    select
        origins.click_id,
        origins.first_source,
        origins.first_medium,
        arg_min(rules.channel, rules.priority) as channel
    from origins
    inner join {{ ref("channels") }} as rules
        on
            (rules.has_click_id is not null and origins.click_id = rules.has_click_id)
            or (
                rules.has_click_id is null
                and origins.first_source <> ''
                and regexp_full_match(origins.first_source, rules.source_pattern)
                and regexp_full_match(origins.first_medium, rules.medium_pattern)
            )
    group by origins.click_id, origins.first_source, origins.first_medium

),

browsers as (

    select
        user_agent,
        case
            when regexp_matches(user_agent, '(?i)bot|crawl|spider|headless') then 'bot'
            when regexp_matches(user_agent, '(?i)ipad|tablet|kindle') then 'tablet'
            when regexp_matches(user_agent, '(?i)mobi|iphone|android') then 'mobile'
            else 'desktop'
        end as device_class
    from (select distinct user_agent from {{ ref("int_sessions") }})

),

clocks as (

    {{ clock_days(ref("int_sessions"), "started_at") }}

),

local_clock as (

    select
        sessions.*,
        {{ local_time("sessions", "started_at", "clocks") }} as started_at_local
    from {{ ref("int_sessions") }} as sessions
    left join clocks on sessions.time_zone = clocks.time_zone and date_trunc('day', sessions.started_at) = clocks.day

)

select
    local_clock.session_id,
    coalesce(
        ruled.channel,
        case
            when local_clock.first_source <> '' then 'other'
            when local_clock.referrer is not null then 'referral'
            else 'direct'
        end
    ) as channel,
    case when local_clock.user_agent is null then 'unknown' else browsers.device_class end as device_class,
    local_clock.time_zone,
    local_clock.started_at_local,
    split_part(local_clock.locale, '-', 1) as language,
    isodow(local_clock.started_at_local) <= 5
    and hour(local_clock.started_at_local) >= {{ var("business_hours")["from"] }}
    and hour(local_clock.started_at_local) < {{ var("business_hours")["until"] }} as is_business_hours
from local_clock
left join ruled
    on
        local_clock.click_id is not distinct from ruled.click_id
        and local_clock.first_source = ruled.first_source
        and local_clock.first_medium = ruled.first_medium
left join browsers on local_clock.user_agent = browsers.user_agent
