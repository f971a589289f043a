{# Products of the shop side. #}
select
    'adventureworks:' || product_key as product_id,
    'adventureworks' as source,
    sku,
    product_name,
    model_name as category,
    product_cost_usd as unit_cost,
    'USD' as cost_currency
from {{ source("adventureworks", "awshop_products") }}
