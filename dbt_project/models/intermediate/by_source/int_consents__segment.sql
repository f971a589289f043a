{# Answers in the site's preference centre, by the shop account that was logged in. #}
select
    'segment:' || message_id as consent_id,
    'shopify_customers:' || shop_customer_id as record_key,
    'segment' as source,
    'advertising' as purpose,
    'ads' as channel,
    has_ads_consent as is_granted,
    occurred_at as captured_at
from {{ ref("stg_segment__events") }}
where has_ads_consent is not null and shop_customer_id is not null
