{# Events of Google Analytics 4, named as the site's own events are. Events of one upload can share a moment, so the id tells their place in it, as
   the key of the source does: it stays what it is when the export of a day is written anew with more events. #}
select
    'ga4:' || events.user_pseudo_id || ':' || epoch_us(events.event_timestamp) || ':' || events.event_name || ':' || coalesce(events.batch_page_id, '')
    || ':' || coalesce(events.batch_ordering_id, '') || ':' || coalesce(events.batch_event_index, '') as event_id,
    events.user_pseudo_id as anonymous_id,
    coalesce(names.event_name, events.event_name) as event_name,
    regexp_extract(events.page_location, '^https?://[^/]+(/[^?#]*)', 1) as page_path,
    events.source as utm_source,
    events.medium as utm_medium,
    events.campaign as utm_campaign,
    coalesce(nullif(events.term, ''), events.content) as utm_term,
    null::varchar as sku,
    events.event_value,
    'USD' as currency,
    events.ads_storage = 'Yes' as has_ads_consent,
    events.page_referrer as referrer,
    case events.device_category when 'mobile' then 'Mobile' when 'tablet' then 'Tablet' else 'Desktop' end as user_agent,
    null::varchar as time_zone,
    events.language as locale,
    events.gclid,
    null::varchar as fbclid,
    events.percent_scrolled as scroll_pct,
    events.experiment_variant,
    coalesce(events.file_name, events.form_id, events.search_term) as detail,
    events.event_timestamp as occurred_at
from (select * rename (purchase_revenue_usd as event_value) from {{ ref("stg_ga4__events") }}) as events
left join (
    values
    ('page_view', 'page'), ('view_item', 'Product Viewed'), ('add_to_cart', 'Product Added'), ('begin_checkout', 'Checkout Started'),
    ('purchase', 'Order Completed'), ('view_search_results', 'Products Searched'), ('form_submit', 'Form Submitted'),
    ('file_download', 'Content Downloaded'), ('click', 'Link Clicked'), ('login', 'identify')
) as names (ga4_name, event_name) on events.event_name = names.ga4_name
where events.user_pseudo_id is not null and events.event_name <> 'session_start'
