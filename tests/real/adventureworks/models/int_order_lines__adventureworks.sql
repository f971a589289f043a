{# Lines of the orders. #}
select
    'adventureworks:' || order_number || ':' || order_line as order_line_id,
    'adventureworks:' || order_number as order_id,
    'adventureworks:' || product_key as product_id,
    cast(null as varchar) as product_name,
    cast(quantity as decimal(18, 3)) as quantity,
    sales_usd as line_amount
from {{ source("adventureworks", "awshop_sales") }}
