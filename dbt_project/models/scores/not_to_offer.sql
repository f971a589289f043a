{# M08, what must not be offered: anything to those with an open complaint or an overdue invoice, what is out of stock of what would be
   offered, and what was bought in the last 30 days. #}
select
    facts.customer_id,
    facts.as_of_date,
    'all marketing' as what,
    null as product_id,
    case when latest.open_complaints_count > 0 then 'open complaint' else 'payment overdue' end as reason
from {{ ref("int_customers__facts") }} as facts
left join {{ ref("last_activity") }} as latest on facts.customer_id = latest.customer_id
where latest.open_complaints_count > 0 or facts.overdue_amount_usd > 0
union all
select
    offers.customer_id,
    as_of.as_of_date,
    'product',
    offers.product_id,
    'out of stock'
from {{ ref("fitted_offers") }} as offers
cross join {{ ref("int_as_of") }} as as_of
inner join {{ ref("product_signals") }} as signals on offers.product_id = signals.product_id and signals.is_out_of_stock
union all
select distinct
    lines.customer_id,
    as_of.as_of_date,
    'product',
    lines.product_id,
    'bought in the last 30 days'
from {{ ref("order_lines") }} as lines
cross join {{ ref("int_as_of") }} as as_of
where
    lines.customer_id is not null
    and lines.product_id is not null
    and lines.quantity > 0
    and lines.order_date > as_of.as_of_date - 30
    and lines.order_date <= as_of.as_of_date
