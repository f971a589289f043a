{# Requesters of the support desk, one row per user and export. #}
with

source as (

    select * from {{ source('bronze', 'zendesk_users') }}

),

renamed as (

    select

        ---------- ids
        user_id,
        external_id,
        'zendesk_users:' || user_id as record_key,

        ---------- text
        full_name,
        lower(email) as email,
        phone,
        role,
        locale,
        time_zone,

        ---------- booleans
        is_active,

        ---------- timestamps (UTC)
        created_at,
        updated_at

    from source

)

select * from renamed
