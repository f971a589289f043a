{# Contacts and companies of Odoo (res.partner), one row per partner. #}
with

source as (

    select * from {{ source('bronze', 'odoo_partners') }}

),

renamed as (

    select

        ---------- ids
        partner_id,
        parent_id,
        tax_id,
        'odoo_partners:' || partner_id as record_key,

        ---------- text
        full_name,
        street,
        street_2,
        city,
        postcode,
        region,
        country,
        lower(email) as email,
        phone,
        mobile,
        reference,
        language,

        ---------- lists
        tags,

        ---------- booleans
        is_company,

        ---------- timestamps (UTC)
        updated_at

    from source

)

select * from renamed
