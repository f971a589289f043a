{# NPS, CSAT and CES with comments, one row per response. #}
with

source as (

    select * from {{ source('bronze', 'delighted_responses') }}

),

renamed as (

    select

        ---------- ids
        response_id,

        ---------- text
        survey_type,
        comment,
        lower(email) as email,
        phone,
        order_name,
        process,

        ---------- lists
        tags,

        ---------- numbers
        score,

        ---------- timestamps (UTC)
        created_at,
        updated_at

    from source

)

select * from renamed
