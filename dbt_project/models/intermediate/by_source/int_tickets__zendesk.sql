{# Tickets of the support desk. #}
select
    'zendesk:' || ticket_id as ticket_id,
    'zendesk' as source,
    record_key,
    channel,
    lower(type) as kind,
    lower(priority) as priority,
    lower(status) in ('solved', 'closed') as is_closed,
    list_contains(tags, 'reclamo') or lower(type) = 'problem' as is_complaint,
    case satisfaction_score when 'good' then 5 when 'bad' then 1 end as csat_score,
    subject,
    description as body,
    created_at as opened_at,
    solved_at as closed_at,
    first_reply_minutes
from {{ ref("stg_zendesk__tickets") }}
