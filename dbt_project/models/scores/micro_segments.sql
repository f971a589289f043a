{# M06, micro: the group of each customer within the lifecycle, with what the group does more and less than others of it. #}
select
    customer_id,
    as_of.as_of_date,
    micro_segment,
    nullif(traits_above, '') as traits_above,
    nullif(traits_below, '') as traits_below,
    model_version
from {{ ref("fitted_micro_segments") }}
cross join {{ ref("int_as_of") }} as as_of
