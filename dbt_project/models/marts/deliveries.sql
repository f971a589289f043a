{# What was sent to platforms about whom, one row per customer, list and change, under today's customer ids. Rows themselves are not here:
   they hold contact points. Nothing after the as-of date is in it, as everywhere: a run does not see what it sends itself. #}
select
    {{ surrogate_key(["ledger.audience", "ledger.platform", "ledger.list", "ledger.customer_id", "ledger.op", "ledger.sequence"]) }} as delivery_id,
    coalesce(aliases.current_customer_id, ledger.customer_id) as customer_id,
    ledger.audience,
    ledger.platform,
    ledger.list,
    ledger.op,
    ledger.status,
    nullif(ledger.reason, '') as reason,
    nullif(ledger.campaign, '') as campaign,
    nullif(ledger.variant, '') as variant,
    ledger.delivered_at::timestamp as delivered_at,
    nullif(ledger.request_id, '') as request_id
from {{ source("activation", "ledger") }} as ledger
left join {{ source("identity", "customer_aliases") }} as aliases on ledger.customer_id = aliases.customer_id
cross join {{ ref("int_as_of") }} as as_of
where ledger.delivered_at::timestamp < as_of.as_of_date + interval '1 day'
