{# Consent to advertising, as the CRM holds it; its date is the contact's last change. #}
select
    record_key || ':ads' as consent_id,
    record_key,
    'hubspot' as source,
    'advertising' as purpose,
    'ads' as channel,
    has_ads_consent as is_granted,
    updated_at as captured_at
from {{ ref("stg_hubspot__contacts") }}
where has_ads_consent is not null
