{# What profiles did and were sent, as Klaviyo's API hands it out, one row per event. #}
with

source as (

    select * from {{ source('bronze', 'klaviyo_events') }}

),

renamed as (

    select

        ---------- ids
        event_id,
        profile_id,
        metric_id,
        'klaviyo_profiles:' || profile_id as record_key,

        ---------- text
        metric,
        campaign_name,
        subject,
        url,

        ---------- booleans
        is_machine_open,

        ---------- timestamps (UTC)
        occurred_at

    from source

)

select * from renamed
