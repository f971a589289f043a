{# Lines of the orders in the orders mart. #}
select
    lines.order_line_id,
    lines.order_id,
    orders.customer_id,
    lines.product_id,
    lines.product_name,
    orders.order_date,
    cast(lines.quantity as decimal(18, 3)) as quantity,
    orders.currency,
    cast(lines.line_amount as decimal(18, 4)) as line_amount,
    cast(lines.line_amount * rates.usd_per_unit as decimal(18, 2)) as line_amount_usd,
    -- A credit takes its goods back, so its cost is negative as its amount is.
    cast(
        cast(sign(lines.line_amount) * abs(lines.quantity) * products.unit_cost as decimal(18, 4)) * cost_rates.usd_per_unit
        as decimal(18, 2)
    ) as cost_usd
from {{ ref("int_order_lines__unioned") }} as lines
inner join {{ ref("orders") }} as orders on lines.order_id = orders.order_id
left join {{ ref("currency_rates") }} as rates on orders.currency = rates.currency
left join {{ ref("int_products__unioned") }} as products on lines.product_id = products.product_id
left join {{ ref("currency_rates") }} as cost_rates on products.cost_currency = cost_rates.currency
