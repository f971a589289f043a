{# Which number stands for which campaign and page (dynamic number insertion), and since when, one row per number and start. #}
with

source as (

    select * from {{ source('bronze', 'twilio_tracking_numbers') }}

),

renamed as (

    select

        ---------- ids
        phone_number,

        ---------- text
        source,
        medium,
        campaign,
        landing_page,

        ---------- timestamps (UTC)
        valid_from,
        valid_to

    from source

)

select * from renamed
