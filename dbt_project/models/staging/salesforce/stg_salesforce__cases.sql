{# Complaints and questions kept in the CRM, one row per case. #}
with

source as (

    select * from {{ source('bronze', 'salesforce_cases') }}

),

renamed as (

    select

        ---------- ids
        case_id,
        contact_id,
        account_id,
        'salesforce_contacts:' || contact_id as record_key,

        ---------- text
        case_number,
        subject,
        status,
        priority,
        origin,
        reason,

        ---------- booleans
        is_closed,

        ---------- timestamps (UTC)
        created_at,
        closed_at

    from source

)

select * from renamed
