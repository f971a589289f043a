{# Every grant and refusal of consent, with the one that is in force. A withdrawal beats older grants of any system; a
   refusal without a date stands until the system that holds it says otherwise. #}
with

statements as (

    select
        consents.consent_id,
        members.customer_id,
        consents.purpose,
        consents.channel,
        consents.is_granted,
        consents.captured_at,
        consents.source,
        consents.record_key,
        case
            when consents.captured_at is not null then consents.captured_at
            when consents.is_granted then timestamp '1900-01-01'
            else timestamp '9999-12-31'
        end as counts_from
    from {{ ref("int_consents__unioned") }} as consents
    inner join {{ source("identity", "members") }} as members on consents.record_key = members.record_key

)

select
    * exclude (counts_from),
    row_number() over (
        partition by customer_id, purpose, channel order by counts_from desc, is_granted asc, consent_id asc
    ) = 1 as is_in_force
from statements
