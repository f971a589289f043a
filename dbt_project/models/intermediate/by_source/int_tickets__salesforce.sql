{# Cases of Salesforce. #}
select
    'salesforce:' || case_id as ticket_id,
    'salesforce' as source,
    record_key,
    lower(origin) as channel,
    lower(reason) as kind,
    lower(priority) as priority,
    coalesce(is_closed, false) as is_closed,
    lower(priority) = 'high' as is_complaint,
    null::integer as csat_score,
    subject,
    null::varchar as body,
    created_at as opened_at,
    closed_at,
    null::bigint as first_reply_minutes
from {{ ref("stg_salesforce__cases") }}
