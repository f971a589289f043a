{# Cost, impressions and clicks by day and ad, from Meta's Ads Manager in Spanish or English, one row per day, campaign, ad set and ad. #}
with

source as (

    select * from {{ source('bronze', 'meta_ad_days') }}

),

renamed as (

    select

        ---------- ids
        campaign_id,
        ad_set,
        ad,

        ---------- text
        campaign,
        currency,
        result_indicator,

        ---------- numbers
        spend,
        impressions,
        reach,
        link_clicks,
        results,

        ---------- dates
        day

    from source

)

select * from renamed
