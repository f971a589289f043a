{# Refusals that the CRM holds. Not having opted out is no grant, so nothing is granted here. #}
select
    record_key || ':email' as consent_id,
    record_key,
    'salesforce' as source,
    'marketing' as purpose,
    'email' as channel,
    false as is_granted,
    changed_at as captured_at
from {{ ref("stg_salesforce__contacts") }}
where has_opted_out_of_email
union all
select
    record_key || ':phone',
    record_key,
    'salesforce',
    'marketing',
    'phone',
    false,
    changed_at
from {{ ref("stg_salesforce__contacts") }}
where do_not_call
union all
select
    record_key || ':email',
    record_key,
    'salesforce',
    'marketing',
    'email',
    false,
    changed_at
from {{ ref("stg_salesforce__leads") }}
where has_opted_out_of_email
