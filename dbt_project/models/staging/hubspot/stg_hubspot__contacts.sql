{# Contacts of the CRM, one row per contact record. #}
with

source as (

    select * from {{ source('bronze', 'hubspot_contacts') }}

),

renamed as (

    select

        ---------- ids
        record_id as contact_id,
        'hubspot_contacts:' || record_id as record_key,

        ---------- text
        given_name,
        family_name,
        lower(email) as email,
        phone,
        city,
        postcode,
        country,
        lifecycle_stage,
        owner as owner_name,

        ---------- booleans
        ads_consent as has_ads_consent,

        ---------- timestamps (UTC)
        created_at,
        updated_at

    from source

)

select * from renamed
