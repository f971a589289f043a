{# Every number of a customer in one long table: the value now, 30 and 90 days ago, and where the customer stands among peers, who are
   the customers of the same lifecycle stage. Metrics that only exist now have no past. #}
select
    numbers.customer_id,
    numbers.as_of_date,
    numbers.metric,
    numbers.value,
    numbers.value_30d_ago,
    numbers.value_90d_ago,
    numbers.value - numbers.value_30d_ago as change_30d,
    numbers.value - numbers.value_90d_ago as change_90d,
    places.peer_percentile,
    numbers.peers
from {{ ref("int_customer_values") }} as numbers
inner join {{ ref("int_metric_places") }} as places
    on numbers.metric = places.metric and numbers.peers = places.peers and numbers.value = places.value
