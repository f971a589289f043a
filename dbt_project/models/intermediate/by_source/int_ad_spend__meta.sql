{# Meta Ads by day, ad set and ad. #}
select
    'meta' as source,
    'meta:' || campaign_id as campaign_id,
    campaign as campaign_name,
    ad_set as ad_group,
    ad as keyword,
    day as spend_date,
    currency,
    spend as cost,
    impressions,
    link_clicks as clicks,
    results as reported_conversions,
    null::decimal(18, 2) as reported_value
from {{ ref("stg_meta__ad_days") }}
