{# Actions on campaigns, with the member's record. #}
select
    'mailchimp:' || activity.activity_id as email_event_id,
    'mailchimp:' || activity.campaign_id as campaign_id,
    activity.campaign_title,
    'mailchimp:' || activity.campaign_id || ':' || activity.email as message_id,
    members.record_key,
    null::varchar as email,
    activity.action,
    false as is_machine,
    activity.occurred_at
from {{ ref("stg_mailchimp__campaign_activity") }} as activity
left join (
    select
        email,
        min(record_key) as record_key
    from {{ ref("stg_mailchimp__members") }}
    group by email
) as members on activity.email = members.email
