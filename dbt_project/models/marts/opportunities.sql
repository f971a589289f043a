{# Deals with customer, account and outcome. #}
select
    deals.opportunity_id,
    deals.source,
    members.customer_id,
    account_members.account_id,
    deals.campaign_id,
    deals.opportunity_name,
    deals.stage,
    cast(deals.amount * rates.usd_per_unit as decimal(18, 2)) as amount_usd,
    deals.is_closed,
    deals.is_won,
    deals.lost_reason,
    deals.lead_source,
    deals.owner_id,
    deals.created_at,
    deals.close_date,
    case when deals.is_closed then deals.close_date - deals.created_at::date end as cycle_days
from {{ ref("int_opportunities__unioned") }} as deals
left join {{ source("identity", "members") }} as members on deals.record_key = members.record_key
left join {{ source("identity", "account_members") }} as account_members on deals.account_record_key = account_members.record_key
left join {{ ref("currency_rates") }} as rates on deals.currency = rates.currency
