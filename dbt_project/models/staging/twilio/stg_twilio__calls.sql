{# Calls of Twilio, a JSON line each; numbers are text and dates as in mail, one row per call. #}
with

source as (

    select * from {{ source('bronze', 'twilio_calls') }}

),

renamed as (

    select

        ---------- ids
        call_id,
        parent_call_id,

        ---------- text
        called,
        caller,
        direction,
        status,
        answered_by,
        forwarded_from,
        price_currency,

        ---------- numbers
        duration_s,
        queue_ms,
        price,

        ---------- timestamps (UTC)
        started_at,
        ended_at

    from source

)

select * from renamed
