{# Voice conversations of the call centre, with what agents noted. #}
select
    'genesys:' || conversation_id as call_id,
    'genesys' as source,
    null::varchar as record_key,
    null::varchar as email,
    {{ phone_of_call("caller") }} as phone,
    called as dialled_number,
    queue,
    agent,
    lower(direction) as direction,
    started_at,
    wait_s,
    talk_s,
    coalesce(is_abandoned, false) as is_abandoned,
    intent,
    outcome,
    is_first_contact_resolution,
    csat_score,
    comment
from {{ ref("stg_genesys__interactions") }}
where media_type = 'VOICE'
