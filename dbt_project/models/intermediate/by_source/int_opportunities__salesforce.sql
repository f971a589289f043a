{# Deals of Salesforce. #}
select
    'salesforce:' || opportunity_id as opportunity_id,
    'salesforce' as source,
    record_key,
    'salesforce_accounts:' || account_id as account_record_key,
    'salesforce:' || campaign_id as campaign_id,
    name as opportunity_name,
    stage,
    amount,
    coalesce(currency, 'USD') as currency,
    coalesce(is_closed, false) as is_closed,
    coalesce(is_won, false) as is_won,
    lost_reason,
    lead_source,
    owner_id,
    created_at,
    close_on as close_date,
    changed_at
from {{ ref("stg_salesforce__opportunities") }}
where not coalesce(is_deleted, false)
