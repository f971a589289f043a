{# Deals of HubSpot; the stage's name says whether it was won, in Spanish or English. #}
select
    'hubspot:' || deal_id as opportunity_id,
    'hubspot' as source,
    record_key,
    'hubspot_companies:' || company_ids[1] as account_record_key,
    null::varchar as campaign_id,
    deal_name as opportunity_name,
    stage,
    amount,
    'USD' as currency,
    regexp_matches(lower(stage), 'cierre|closed') as is_closed,
    regexp_matches(lower(stage), 'ganado|won') as is_won,
    lost_reason,
    null::varchar as lead_source,
    owner as owner_id,
    created_at,
    close_at::date as close_date,
    coalesce(close_at, created_at) as changed_at
from {{ ref("stg_hubspot__deals") }}
