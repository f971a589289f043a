{# Who was drawn into which side of what, for good: the ground that lift is measured on. #}
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
