{# Who was in a campaign: a lead or a contact, and what they answered, one row per campaign and member. #}
with

source as (

    select * from {{ source('bronze', 'salesforce_campaign_members') }}

),

renamed as (

    select

        ---------- ids
        member_id,
        campaign_id,
        lead_id,
        contact_id,
        coalesce('salesforce_contacts:' || contact_id, 'salesforce_leads:' || lead_id) as record_key,

        ---------- text
        status,

        ---------- booleans
        has_responded,

        ---------- dates
        first_responded_on,

        ---------- timestamps (UTC)
        created_at

    from source

)

select * from renamed
