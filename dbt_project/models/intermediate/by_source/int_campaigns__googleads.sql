{# Campaigns of Google Ads as the report by day shows them; cost is what was spent. #}
select
    'googleads:' || campaign_id as campaign_id,
    'googleads' as source,
    max(campaign) as campaign_name,
    'paid_search' as channel,
    min(day) as starts_date,
    max(day) as ends_date,
    null::decimal(18, 2) as budget,
    sum(cost)::decimal(18, 2) as cost,
    min(currency) as currency
from {{ ref("stg_googleads__campaign_days") }}
group by campaign_id
