{# Members of the Klaviyo list, one row per profile. #}
with

source as (

    select * from {{ source('bronze', 'klaviyo_profiles') }}

),

renamed as (

    select

        ---------- ids
        profile_id,
        'klaviyo_profiles:' || profile_id as record_key,

        ---------- text
        email_consent,

        ---------- timestamps (UTC)
        created_at

    from source

)

select * from renamed
