{# Companies of Salesforce. Person accounts stand here and in Contact, one row per account. #}
with

source as (

    select * from {{ source('bronze', 'salesforce_accounts') }}

),

renamed as (

    select

        ---------- ids
        account_id,
        merged_into_id,
        owner_id,

        ---------- text
        account_name,
        type,
        industry,
        city,
        country,
        phone,
        website,

        ---------- numbers
        employees_count,
        annual_revenue,

        ---------- booleans
        is_deleted,
        is_person_account,

        ---------- timestamps (UTC)
        created_at,
        changed_at

    from source

)

select * from renamed
