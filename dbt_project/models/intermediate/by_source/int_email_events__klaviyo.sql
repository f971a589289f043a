{# What Klaviyo sent and what became of it; opens by machines are marked and count for nobody. #}
select
    'klaviyo:' || event_id as email_event_id,
    'klaviyo:' || coalesce(campaign_name, 'flow') as campaign_id,
    campaign_name as campaign_title,
    'klaviyo:' || coalesce(campaign_name, 'flow') || ':' || profile_id as message_id,
    record_key,
    null::varchar as email,
    case metric
        when 'Received Email' then 'sent'
        when 'Opened Email' then 'open'
        when 'Clicked Email' then 'click'
        when 'Bounced Email' then 'bounce'
        when 'Marked Email as Spam' then 'complaint'
        when 'Unsubscribed from Email Marketing' then 'unsubscribe'
        else lower(metric)
    end as action,
    coalesce(is_machine_open, false) as is_machine,
    occurred_at
from {{ ref("stg_klaviyo__events") }}
