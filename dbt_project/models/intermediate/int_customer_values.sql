{# Every number of a customer in one long table, with its past: what `customer_metrics` sets beside those of peers. #}
select
    long.customer_id,
    long.as_of_date,
    long.lifecycle_stage as peers,
    long.metric,
    long.values_then.now as value,
    long.values_then.ago_30d as value_30d_ago,
    long.values_then.ago_90d as value_90d_ago
from (
    unpivot {{ ref("int_customer_numbers") }}
    on columns(* exclude (customer_id, as_of_date, lifecycle_stage))
    into name metric value values_then
) as long
