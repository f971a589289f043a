{# People of Salesforce, one row per contact. #}
with

source as (

    select * from {{ source('bronze', 'salesforce_contacts') }}

),

renamed as (

    select

        ---------- ids
        contact_id,
        'salesforce_contacts:' || contact_id as record_key,

        ---------- booleans
        has_opted_out_of_email,
        do_not_call,

        ---------- timestamps (UTC)
        changed_at

    from source

)

select * from renamed
