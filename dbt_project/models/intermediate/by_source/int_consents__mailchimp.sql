{# Membership of the audience: subscribed grants, unsubscribed withdraws. A cleaned address is dead, not a refusal. #}
select
    record_key || ':email' as consent_id,
    record_key,
    'mailchimp' as source,
    'marketing' as purpose,
    'email' as channel,
    status = 'subscribed' as is_granted,
    case status when 'subscribed' then opted_in_at else coalesce(unsubscribed_at, last_changed_at) end as captured_at
from {{ ref("stg_mailchimp__members") }}
where status in ('subscribed', 'unsubscribed')
