{# How often each value of a metric occurs among peers, and the place that it has: the percent rank, how many peers have less, of all the others. To
   count values first keeps tens of millions of rows from being sorted. #}
with

counted as (

    select
        metric,
        peers,
        value,
        count(*) as customers_count
    from {{ ref("int_customer_values") }}
    group by metric, peers, value

)

select
    metric,
    peers,
    value,
    customers_count,
    (
        100.0 * (sum(customers_count) over (partition by metric, peers order by value) - customers_count)
        / greatest(sum(customers_count) over (partition by metric, peers) - 1, 1)
    )::decimal(5, 1) as peer_percentile
from counted
