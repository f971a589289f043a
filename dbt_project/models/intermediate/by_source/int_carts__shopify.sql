{# Checkouts of the shop that were left. #}
select
    'shopify:' || checkout_id as cart_id,
    'shopify' as source,
    record_key,
    email,
    phone,
    currency,
    total as cart_total,
    skus,
    recovery_url,
    created_at as abandoned_at,
    recovered_at
from {{ ref("stg_shopify__abandoned_checkouts") }}
