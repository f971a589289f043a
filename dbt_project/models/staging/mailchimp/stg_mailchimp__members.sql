{# Members of the e-mail audience, one row per member. #}
with

source as (

    select * from {{ source('bronze', 'mailchimp_members') }}

),

renamed as (

    select

        ---------- ids
        member_id,
        'mailchimp_members:' || member_id as record_key,

        ---------- text
        lower(email) as email,
        status,
        tags,

        ---------- numbers
        member_rating,

        ---------- timestamps (UTC)
        opted_in_at,
        unsubscribed_at,
        cleaned_at,
        last_changed_at

    from source

)

select * from renamed
