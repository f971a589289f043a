{# Calls of the telephone line, with the campaign of the number that was dialled at that time. #}
select
    'twilio:' || calls.call_id as call_id,
    'twilio' as source,
    null::varchar as record_key,
    null::varchar as email,
    {{ phone_of_call("calls.caller") }} as phone,
    calls.called as dialled_number,
    null::varchar as queue,
    null::varchar as agent,
    calls.direction,
    calls.started_at,
    calls.queue_ms / 1000.0 as wait_s,
    calls.duration_s as talk_s,
    calls.status <> 'completed' as is_abandoned,
    null::varchar as intent,
    null::varchar as outcome,
    null::boolean as is_first_contact_resolution,
    null::bigint as csat_score,
    null::varchar as comment
from {{ ref("stg_twilio__calls") }} as calls
where calls.parent_call_id is null
