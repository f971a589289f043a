{# M06, macro segment: value by lifecycle; every customer is in exactly one. #}
select
    customers.customer_id,
    customers.as_of_date,
    case
        when customers.orders_count = 0 then 'prospect'
        when customers.last_order_days <= 90 and customers.orders_count = 1 then 'new'
        when customers.last_order_days <= 180 then 'active'
        when customers.last_order_days <= 365 then 'at risk'
        else 'lapsed'
    end as lifecycle,
    case
        when customers.orders_count = 0 then 'none'
        when coalesce(rfm.monetary_score, 1) = 5 then 'high'
        when coalesce(rfm.monetary_score, 1) >= 3 then 'middle'
        else 'low'
    end as value_tier,
    lifecycle || case when value_tier = 'none' then '' else ', ' || value_tier || ' value' end as macro_segment
from {{ ref("int_customers__facts") }} as customers
left join {{ ref("rfm") }} as rfm on customers.customer_id = rfm.customer_id
