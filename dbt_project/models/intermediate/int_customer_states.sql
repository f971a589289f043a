{# What changes slowly about customers, with when it was seen; the snapshot keeps from when to when it was so. #}
select
    customer_id,
    country,
    lifecycle,
    value_tier,
    macro_segment,
    lifecycle_stage,
    health_band,
    buying_persona,
    best_channel,
    reachable_channels,
    timestamp '{{ env_var("CDP_RUN_AT", "1970-01-01 00:00:00") }}' as seen_at
from {{ ref("customers") }}
