{# Events of the site. #}
select
    'segment:' || message_id as event_id,
    anonymous_id,
    case event_type when 'track' then event_name else event_type end as event_name,
    page_path,
    utm_source,
    utm_medium,
    utm_campaign,
    coalesce(nullif(utm_term, ''), utm_content) as utm_term,
    sku,
    event_value,
    currency,
    has_ads_consent,
    referrer,
    user_agent,
    time_zone,
    locale,
    gclid,
    fbclid,
    scroll_pct,
    experiment_variant,
    coalesce(content_id, form_id, search_query) as detail,
    occurred_at
from {{ ref("stg_segment__events") }}
where anonymous_id is not null
