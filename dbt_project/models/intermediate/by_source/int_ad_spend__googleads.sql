{# Google Ads by day, ad group and keyword. #}
select
    'googleads' as source,
    'googleads:' || campaign_id as campaign_id,
    campaign as campaign_name,
    ad_group,
    keyword,
    day as spend_date,
    currency,
    cost,
    impressions,
    clicks,
    conversions as reported_conversions,
    conversions_value as reported_value
from {{ ref("stg_googleads__campaign_days") }}
