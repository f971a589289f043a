{# Leads of Salesforce; converted ones name the contact they became, one row per lead. #}
with

source as (

    select * from {{ source('bronze', 'salesforce_leads') }}

),

renamed as (

    select

        ---------- ids
        lead_id,
        merged_into_id,
        converted_contact_id,
        converted_account_id,
        converted_opportunity_id,
        owner_id,
        'salesforce_leads:' || lead_id as record_key,

        ---------- text
        given_name,
        family_name,
        company,
        title,
        lower(email) as email,
        phone,
        city,
        country,
        status,
        lead_source,

        ---------- booleans
        is_deleted,
        is_converted,
        has_opted_out_of_email,

        ---------- timestamps (UTC)
        first_response_at,
        converted_at,
        created_at,
        changed_at

    from source

)

select * from renamed
