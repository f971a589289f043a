{# M16: how complete, valid, consistent and fresh a customer's data are, 0 to 100, by declared weights. What passed is few patterns of bits: each is
   weighed and told once, and not each customer. #}
with

weighed as (

    select
        check_name,
        weight,
        1::bigint << (row_number() over (order by weight desc, check_name asc) - 1) as bit
    from {{ ref("data_quality_weights") }}

),

customers as (

    select
        checks.customer_id,
        any_value(checks.as_of_date) as as_of_date,
        bit_or(weighed.bit) as asked,
        bit_or(case when checks.is_passed then weighed.bit else 0 end) as passed
    from {{ ref("data_quality_checks") }} as checks
    inner join weighed on checks.check_name = weighed.check_name
    group by checks.customer_id

),

patterns as (

    select
        found.asked,
        found.passed,
        cast(coalesce(sum(weighed.weight) filter (found.passed & weighed.bit <> 0), 0) * 100 as decimal(5, 2)) as data_quality_score,
        list(weighed.check_name order by weighed.bit) filter (found.passed & weighed.bit = 0) as failed_checks
    from (
        select distinct
            asked,
            passed
        from customers
    ) as found
    inner join weighed on found.asked & weighed.bit <> 0
    group by found.asked, found.passed

)

select
    customers.customer_id,
    customers.as_of_date,
    patterns.data_quality_score,
    patterns.failed_checks
from customers
inner join patterns on customers.asked = patterns.asked and customers.passed = patterns.passed
