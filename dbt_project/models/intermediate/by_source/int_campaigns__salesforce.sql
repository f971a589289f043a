{# Campaigns planned in the CRM, with budget and cost. #}
select
    'salesforce:' || campaign_id as campaign_id,
    'salesforce' as source,
    name as campaign_name,
    lower(type) as channel,
    starts_on as starts_date,
    ends_on as ends_date,
    budgeted_cost as budget,
    actual_cost as cost,
    'USD' as currency
from {{ ref("stg_salesforce__campaigns") }}
