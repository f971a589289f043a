{# Leads with how fast they were answered and what became of them. #}
select
    'salesforce:' || leads.lead_id as lead_id,
    members.customer_id,
    leads.lead_source,
    leads.status,
    leads.title,
    leads.company,
    leads.country,
    leads.created_at,
    leads.first_response_at,
    case
        when leads.first_response_at >= leads.created_at then cast(date_diff('second', leads.created_at, leads.first_response_at) / 60.0 as decimal(12, 1))
    end as response_minutes,
    coalesce(leads.is_converted, false) as is_converted,
    leads.converted_at,
    'salesforce:' || leads.converted_opportunity_id as converted_opportunity_id,
    leads.owner_id
from {{ ref("stg_salesforce__leads") }} as leads
left join {{ source("identity", "members") }} as members on leads.record_key = members.record_key
where not coalesce(leads.is_deleted, false)
