{# Companies of the CRM, one row per company. #}
with

source as (

    select * from {{ source('bronze', 'hubspot_companies') }}

),

renamed as (

    select

        ---------- ids
        company_id,

        ---------- text
        company_name,
        lower(domain) as email_domain

    from source

)

select * from renamed
