{# Single mails (orders, shipments) by SendGrid: the address says who it was for. #}
select
    'sendgrid:' || event_id as email_event_id,
    'sendgrid:' || coalesce(categories[1], 'other') as campaign_id,
    coalesce(categories[1], 'other') as campaign_title,
    'sendgrid:' || message_id as message_id,
    null::varchar as record_key,
    email,
    case event
        when 'processed' then 'sent'
        when 'delivered' then 'delivered'
        when 'spamreport' then 'complaint'
        when 'dropped' then 'bounce'
        when 'group_unsubscribe' then 'unsubscribe'
        else event
    end as action,
    coalesce(is_machine_open, false) as is_machine,
    occurred_at
from {{ ref("stg_sendgrid__events") }}
