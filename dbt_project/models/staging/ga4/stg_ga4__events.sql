{# GA4's BigQuery export, a file of JSON lines a day, nested as BigQuery writes it, one row per event of the export. #}
with

source as (

    select * from {{ source('bronze', 'ga4_events') }}

),

renamed as (

    select

        ---------- ids
        event_name,
        user_pseudo_id,
        batch_page_id,
        batch_ordering_id,
        batch_event_index,
        user_id,
        ga_session_id,
        form_id,
        transaction_id,

        ---------- text
        page_location,
        page_title,
        page_referrer,
        search_term,
        link_url,
        file_name,
        experiment_variant,
        gclid,
        source,
        medium,
        campaign,
        term,
        content,
        first_touch_source,
        first_touch_medium,
        device_category,
        operating_system,
        language,
        browser,
        country,
        region,
        city,
        analytics_storage,
        ads_storage,
        items,

        ---------- numbers
        ga_session_number,
        percent_scrolled,
        engagement_ms,
        purchase_revenue_usd,

        ---------- dates
        event_date,

        ---------- timestamps (UTC)
        event_timestamp

    from source

)

select * from renamed
