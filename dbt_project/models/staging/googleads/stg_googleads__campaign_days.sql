{# Cost, impressions and clicks by day, campaign, ad group and keyword, downloaded from Google Ads, one row per day, campaign, ad group and keyword. #}
with

source as (

    select * from {{ source('bronze', 'googleads_campaign_days') }}

),

renamed as (

    select

        ---------- ids
        campaign_id,
        ad_group,
        keyword,

        ---------- text
        campaign,
        currency,

        ---------- numbers
        cost,
        impressions,
        clicks,
        conversions,
        conversions_value,

        ---------- dates
        day

    from source

)

select * from renamed
