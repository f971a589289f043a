{# Statements of the preference centre, one row per statement. #}
with

source as (

    select * from {{ source('bronze', 'consent_log') }}

),

renamed as (

    select

        ---------- ids
        statement_id,

        ---------- text
        lower(identifier) as identifier,
        identifier_type,
        purpose,
        channel,
        proof,

        ---------- booleans
        transaction = 'CONFIRMED' as is_granted,

        ---------- timestamps (UTC)
        stated_at

    from source

)

select * from renamed
