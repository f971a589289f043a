{# Unrestricted stock of SAP by day, all plants together. #}
select
    'sap:' || material as product_id,
    stock_date,
    sum(quantity) as quantity
from {{ ref("stg_sap__stock") }}
group by material, stock_date
