{# What each customer did with each campaign. A send to a member who is not resolved keeps a null customer. #}
select
    {{ surrogate_key(["events.campaign_id", "events.record_key", "members.customer_id"]) }} as engagement_id,
    events.campaign_id,
    max(events.campaign_title) as campaign_title,
    members.customer_id,
    events.record_key,
    min(events.occurred_at) filter (events.action = 'sent') as sent_at,
    min(events.occurred_at) filter (events.action = 'open') as first_opened_at,
    min(events.occurred_at) filter (events.action = 'click') as first_clicked_at,
    count(*) filter (events.action = 'open') as opens_count,
    count(*) filter (events.action = 'click') as clicks_count,
    bool_or(events.action = 'bounce') as is_bounced
from {{ ref("int_email_events__unioned") }} as events
left join {{ source("identity", "members") }} as members on events.record_key = members.record_key
group by events.campaign_id, members.customer_id, events.record_key
