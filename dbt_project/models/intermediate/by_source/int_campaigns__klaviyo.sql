{# Campaigns of Klaviyo; events name them by their name, so the name is the key. #}
select
    'klaviyo:' || campaign_name as campaign_id,
    'klaviyo' as source,
    campaign_name,
    min(channel) as channel,
    min(sent_at)::date as starts_date,
    max(sent_at)::date as ends_date,
    null::decimal(18, 2) as budget,
    null::decimal(18, 2) as cost,
    'USD' as currency
from {{ ref("stg_klaviyo__campaigns") }}
group by campaign_name
