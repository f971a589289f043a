{# Whose an e-mail, a phone or a name on a social network is: contact points in standard form that belong to exactly one customer. Shared ones are left out,
   since what comes from them cannot be told apart. #}
select
    points.kind,
    points.standard,
    min(members.customer_id) as customer_id
from {{ source("identity", "contact_points") }} as points
inner join {{ source("identity", "members") }} as members on points.record_key = members.record_key
where (points.kind in ('email', 'phone') or starts_with(points.kind, 'handle_')) and points.standard is not null
group by points.kind, points.standard
having count(distinct members.customer_id) = 1
