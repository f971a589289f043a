{# Marketing flags of shop accounts. The export gives no date, so a grant counts as the oldest, a refusal as standing. #}
select
    record_key || ':email' as consent_id,
    record_key,
    'shopify' as source,
    'marketing' as purpose,
    'email' as channel,
    accepts_email_marketing as is_granted,
    cast(null as timestamp) as captured_at
from {{ ref("stg_shopify__customers") }}
where accepts_email_marketing is not null
union all
select
    record_key || ':sms',
    record_key,
    'shopify',
    'marketing',
    'sms',
    accepts_sms_marketing,
    null
from {{ ref("stg_shopify__customers") }}
where accepts_sms_marketing is not null
