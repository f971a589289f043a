{# Campaigns of every kind, with budget and cost in dollars. #}
select
    campaigns.campaign_id,
    campaigns.source,
    campaigns.campaign_name,
    campaigns.channel,
    campaigns.starts_date,
    campaigns.ends_date,
    campaigns.currency,
    cast(campaigns.budget * rates.usd_per_unit as decimal(18, 2)) as budget_usd,
    cast(campaigns.cost * rates.usd_per_unit as decimal(18, 2)) as cost_usd
from {{ ref("int_campaigns__unioned") }} as campaigns
left join {{ ref("currency_rates") }} as rates on campaigns.currency = rates.currency
