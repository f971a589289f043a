{# AU-LOOKALIKE: the tenth of the customers with the most margin, with the margin as value for platforms that weigh by it. Those who
   bought in the last 7 days are left in: a seed is to find others, not to be shown ads. #}
select
    customer_id,
    as_of_date,
    lifetime_margin_usd as value_usd
from {{ ref("customers") }}
where orders_count > 0 and lifetime_margin_usd > 0
qualify cume_dist() over (order by lifetime_margin_usd) > 0.9
