{# The macro segments are a partition of the customers. #}
select customers.customer_id
from {{ ref("customers") }} as customers
left join {{ ref("macro_segments") }} as segments on customers.customer_id = segments.customer_id
where segments.customer_id is null
