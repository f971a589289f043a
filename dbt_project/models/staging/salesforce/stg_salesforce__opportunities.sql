{# Deals of Salesforce, with the reason when they were lost, one row per opportunity. #}
with

source as (

    select * from {{ source('bronze', 'salesforce_opportunities') }}

),

renamed as (

    select

        ---------- ids
        opportunity_id,
        account_id,
        contact_id,
        campaign_id,
        owner_id,
        'salesforce_contacts:' || contact_id as record_key,

        ---------- text
        name,
        stage,
        currency,
        lost_reason,
        competitor,
        lead_source,

        ---------- numbers
        amount,
        probability,

        ---------- booleans
        is_deleted,
        is_closed,
        is_won,

        ---------- dates
        close_on,

        ---------- timestamps (UTC)
        created_at,
        changed_at

    from source

)

select * from renamed
