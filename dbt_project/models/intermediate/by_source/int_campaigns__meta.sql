{# Campaigns of Meta as the report by day shows them; cost is what was spent. #}
select
    'meta:' || campaign_id as campaign_id,
    'meta' as source,
    max(campaign) as campaign_name,
    'paid_social' as channel,
    min(day) as starts_date,
    max(day) as ends_date,
    null::decimal(18, 2) as budget,
    sum(spend)::decimal(18, 2) as cost,
    min(currency) as currency
from {{ ref("stg_meta__ad_days") }}
group by campaign_id
