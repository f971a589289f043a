{# Answers to forms; hidden fields say who was asked, if anybody is known, one row per response. #}
with

source as (

    select * from {{ source('bronze', 'typeform_responses') }}

),

renamed as (

    select

        ---------- ids
        form,
        response_id,
        network_id,

        ---------- text
        lower(email) as email,
        answers,

        ---------- timestamps (UTC)
        started_at,
        submitted_at

    from source

)

select * from renamed
