{# Results of Klaviyo's campaigns, one row per campaign. #}
with

source as (

    select * from {{ source('bronze', 'klaviyo_campaigns') }}

),

renamed as (

    select

        ---------- ids
        campaign_id,

        ---------- text
        campaign_name,
        subject,
        list_name,
        channel,

        ---------- numbers
        recipients_count,
        deliveries_count,
        unique_opens,
        unique_clicks,
        unsubscribes,
        spam_complaints,
        bounces,
        orders_count,
        revenue,

        ---------- timestamps (UTC)
        sent_at

    from source

)

select * from renamed
