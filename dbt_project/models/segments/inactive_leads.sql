{# AU-REENGAGE, leads: persons with a lead that is neither converted nor given up, who bought nothing and did nothing for 60 days or more. #}
select
    leads.customer_id,
    max(facts.as_of_date) as as_of_date,
    max(leads.created_at) as lead_created_at
from {{ ref("leads") }} as leads
inner join {{ ref("int_customers__facts") }} as facts on leads.customer_id = facts.customer_id
left join {{ ref("customer_activity") }} as activity on leads.customer_id = activity.customer_id and activity.days_ago = 0
where
    not leads.is_converted
    and leads.status <> 'Unqualified'
    and facts.orders_count = 0
    and facts.as_of_date - leads.created_at::date >= 60
    and coalesce(activity.activity_recency_days, 9999) >= 60
group by leads.customer_id
