{# Consent of list members. The export does not say when somebody left, so an unsubscription stands without a date. #}
select
    record_key || ':email' as consent_id,
    record_key,
    'klaviyo' as source,
    'marketing' as purpose,
    'email' as channel,
    email_consent = 'SUBSCRIBED' as is_granted,
    case when email_consent = 'SUBSCRIBED' then created_at end as captured_at
from {{ ref("stg_klaviyo__profiles") }}
where email_consent in ('SUBSCRIBED', 'UNSUBSCRIBED')
