{# Fate of transactional mails, one row per event; opens by machines are marked. #}
with

source as (

    select * from {{ source('bronze', 'sendgrid_events') }}

),

renamed as (

    select

        ---------- ids
        event_id,
        message_id,

        ---------- text
        lower(email) as email,
        event,
        categories,

        ---------- booleans
        coalesce(is_machine_open, false) as is_machine_open,

        ---------- timestamps (UTC)
        occurred_at

    from source

)

select * from renamed
