{# Comments, likes, shares and mentions by handle, from a listening tool, one row per mention. #}
with

source as (

    select * from {{ source('bronze', 'social_mentions') }}

),

renamed as (

    select

        ---------- ids
        mention_id,

        ---------- text
        network,
        kind,
        handle,
        text,
        post_url,
        sentiment,

        ---------- numbers
        followers_count,

        ---------- timestamps (UTC)
        posted_at

    from source

)

select * from renamed
