{# Who was in which campaign of the CRM, and who was held out of it. #}
select
    'salesforce:' || answers.member_id as campaign_member_id,
    'salesforce:' || answers.campaign_id as campaign_id,
    members.customer_id,
    lower(answers.status) = 'control' as is_control,
    coalesce(answers.has_responded, false) as has_responded,
    answers.first_responded_on as responded_date,
    answers.created_at as joined_at
from {{ ref("stg_salesforce__campaign_members") }} as answers
left join {{ source("identity", "members") }} as members on answers.record_key = members.record_key
