{# Unsubscriptions and complaints about mails, for every record that has the address. #}
select
    'sendgrid:' || events.event_id || ':' || points.record_key as consent_id,
    points.record_key,
    'sendgrid' as source,
    'marketing' as purpose,
    'email' as channel,
    events.event = 'group_resubscribe' as is_granted,
    events.occurred_at as captured_at
from {{ ref("stg_sendgrid__events") }} as events
inner join {{ source("identity", "contact_points") }} as points on events.email = points.standard and points.kind = 'email'
where events.event in ('unsubscribe', 'group_unsubscribe', 'spamreport', 'group_resubscribe')
