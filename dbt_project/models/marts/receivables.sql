{# What customers owe, with days overdue at the as-of date. #}
{{ config(meta={"turns": "as_of_date - due_date >= " ~ var("overdue_grace_days") ~ " and open_amount > 0"}) }}
select
    items.receivable_id,
    members.customer_id,
    items.currency,
    cast(items.open_amount as decimal(18, 2)) as open_amount,
    cast(items.open_amount * rates.usd_per_unit as decimal(18, 2)) as open_amount_usd,
    items.due_date,
    greatest(as_of.as_of_date - items.due_date, 0) as overdue_days,
    as_of.as_of_date - items.due_date >= {{ var("overdue_grace_days") }} and items.open_amount > 0 as is_overdue
from {{ ref("int_receivables__unioned") }} as items
cross join {{ ref("int_as_of") }} as as_of
left join {{ source("identity", "members") }} as members on items.record_key = members.record_key
left join {{ ref("currency_rates") }} as rates on items.currency = rates.currency
