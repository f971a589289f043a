{# Leads of Salesforce, one row per lead. #}
with

source as (

    select * from {{ source('bronze', 'salesforce_leads') }}

),

renamed as (

    select

        ---------- ids
        lead_id,
        'salesforce_leads:' || lead_id as record_key,

        ---------- booleans
        has_opted_out_of_email,

        ---------- timestamps (UTC)
        changed_at

    from source

)

select * from renamed
