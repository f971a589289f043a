{# What members did with campaigns, one row per action. #}
with

source as (

    select * from {{ source('bronze', 'mailchimp_campaign_activity') }}

),

renamed as (

    select

        ---------- ids
        {{ surrogate_key(['campaign_id', 'email', 'action', 'occurred_at', 'url']) }} as activity_id,
        campaign_id,

        ---------- text
        campaign_title,
        lower(email) as email,
        action,
        url,

        ---------- timestamps (UTC)
        occurred_at

    from source

)

select * from renamed
