{# Materials of the ERP. #}
select
    'sap:' || material as product_id,
    'sap' as source,
    sku,
    product_name,
    category,
    standard_cost as unit_cost,
    currency as cost_currency
from {{ ref("stg_sap__products") }}
