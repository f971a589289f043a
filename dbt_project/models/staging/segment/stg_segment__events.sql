{# Web events, one row per message. #}
with

source as (

    select * from {{ source('bronze', 'segment_events') }}

),

renamed as (

    select

        ---------- ids
        message_id,
        anonymous_id,
        user_id as shop_customer_id,

        ---------- text
        event_type,
        event_name,
        page_path,
        utm_source,
        utm_medium,
        utm_campaign,
        utm_term,
        utm_content,
        sku,
        currency,
        referrer,
        user_agent,
        time_zone,
        locale,
        gclid,
        fbclid,
        cart_id,
        order_id,
        search_query,
        form_id,
        content_id,
        experiment_variant,

        ---------- numbers
        price,
        scroll_pct,
        coalesce(total, value) as event_value,

        ---------- booleans
        advertising_consent as has_ads_consent,

        ---------- timestamps (UTC)
        occurred_at

    from source

)

select * from renamed
