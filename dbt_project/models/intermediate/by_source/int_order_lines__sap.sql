{# Positions of billing documents. #}
select
    'sap:' || document || ':' || position as order_line_id,
    'sap:' || document as order_id,
    'sap:' || material as product_id,
    product_name,
    quantity,
    net_value as line_amount
from {{ ref("stg_sap__invoice_lines") }}
