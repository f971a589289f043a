{# What was spent on ads by day, ad group and keyword. What the platform reports of conversions stands beside and is never added to
   the ERP's revenue. #}
select
    {{ surrogate_key(["spend.campaign_id", "spend.ad_group", "spend.keyword", "spend.spend_date"]) }} as ad_spend_id,
    spend.source,
    spend.campaign_id,
    spend.campaign_name,
    spend.ad_group,
    spend.keyword,
    spend.spend_date,
    spend.currency,
    cast(spend.cost as decimal(18, 2)) as cost,
    cast(spend.cost * rates.usd_per_unit as decimal(18, 2)) as cost_usd,
    spend.impressions,
    spend.clicks,
    spend.reported_conversions,
    spend.reported_value
from {{ ref("int_ad_spend__unioned") }} as spend
left join {{ ref("currency_rates") }} as rates on spend.currency = rates.currency
