{# E-mail addresses of SAP's address management (ADR6), one row per address number and sequence. #}
with

source as (

    select * from {{ source('bronze', 'sap_emails') }}

),

renamed as (

    select

        ---------- ids
        address_number,
        sequence,

        ---------- text
        lower(email) as email

    from source

)

select * from renamed
