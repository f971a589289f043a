{# Who was drawn into which side of what, for good: the ground that lift is measured on. Nothing after the as-of
   date is in it: a run does not see what it draws itself. #}
select
    {{ surrogate_key(["drawn.audience", "drawn.campaign", "drawn.customer_id"]) }} as assignment_id,
    drawn.audience,
    nullif(drawn.campaign, '') as campaign,
    drawn.customer_id,
    drawn.variant,
    drawn.variant = 'control' as is_control,
    drawn.assigned_at,
    coalesce(campaigns.within_days, 30)::bigint as within_days
from {{ source("activation", "assignments") }} as drawn
left join {{ source("activation", "campaigns") }} as campaigns on drawn.campaign = campaigns.campaign
cross join {{ ref("int_as_of") }} as as_of
where drawn.assigned_at < as_of.as_of_date + interval '1 day'
