{# The as-of date with the dates 30 and 90 days before it, for trends: what was known then is computed from what happened by then. #}
select
    as_of.as_of_date - ago.days_ago as as_of_date,
    ago.days_ago
from {{ ref("int_as_of") }} as as_of
cross join (values (0), (30), (90)) as ago (days_ago)
