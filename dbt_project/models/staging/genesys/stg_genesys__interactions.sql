{# Interactions of the call centre, exported from the view in Genesys Cloud, one row per interaction. #}
with

source as (

    select * from {{ source('bronze', 'genesys_interactions') }}

),

renamed as (

    select

        ---------- ids
        conversation_id,

        ---------- text
        media_type,
        direction,
        caller,
        called,
        queue,
        agent,
        wrap_up,
        intent,
        outcome,
        comment,

        ---------- numbers
        wait_s,
        talk_s,
        csat_score,

        ---------- booleans
        is_abandoned,
        is_first_contact_resolution,

        ---------- timestamps (UTC)
        started_at

    from source

)

select * from renamed
