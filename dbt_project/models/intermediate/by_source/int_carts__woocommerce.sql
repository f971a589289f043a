{# Carts of WooCommerce that were left. #}
select
    'woocommerce:' || cart_id as cart_id,
    'woocommerce' as source,
    record_key,
    email,
    null::varchar as phone,
    currency,
    total as cart_total,
    skus,
    null::varchar as recovery_url,
    abandoned_at,
    recovered_at
from {{ ref("stg_woocommerce__abandoned_carts") }}
