{# M16: how complete, valid, consistent and fresh a customer's data are, 0 to 100, by declared weights. #}
select
    checks.customer_id,
    checks.as_of_date,
    cast(coalesce(sum(weights.weight) filter (checks.is_passed), 0) * 100 as decimal(5, 2)) as data_quality_score,
    list(checks.check_name order by weights.weight desc, checks.check_name asc) filter (not checks.is_passed) as failed_checks
from {{ ref("data_quality_checks") }} as checks
inner join {{ ref("data_quality_weights") }} as weights on checks.check_name = weights.check_name
group by checks.customer_id, checks.as_of_date
