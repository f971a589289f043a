{# Deals of HubSpot with the contacts and companies they belong to, one row per deal record. #}
with

source as (

    select * from {{ source('bronze', 'hubspot_deals') }}

),

renamed as (

    select

        ---------- ids
        deal_id,
        'hubspot_contacts:' || contact_ids[1] as record_key,

        ---------- text
        deal_name,
        stage,
        pipeline,
        lost_reason,
        owner,

        ---------- lists
        company_ids,
        contact_ids,

        ---------- numbers
        amount,

        ---------- timestamps (UTC)
        close_at,
        created_at

    from source

)

select * from renamed
