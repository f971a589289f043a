{# Invoices with when they were due and paid. Late is counted from the due date, for open ones to the as-of date. #}
select
    items.invoice_id,
    items.source,
    members.customer_id,
    items.order_id,
    items.currency,
    cast(items.amount as decimal(18, 2)) as amount,
    cast(items.open_amount as decimal(18, 2)) as open_amount,
    cast(items.amount * rates.usd_per_unit as decimal(18, 2)) as amount_usd,
    cast(items.open_amount * rates.usd_per_unit as decimal(18, 2)) as open_amount_usd,
    items.invoiced_date,
    items.due_date,
    case when items.paid_date <= as_of.as_of_date then items.paid_date end as paid_date,
    greatest(least(coalesce(items.paid_date, as_of.as_of_date), as_of.as_of_date) - items.due_date, 0) as late_days,
    case
        when items.amount < 0 then 'credit'
        when items.open_amount > 0 and as_of.as_of_date - items.due_date >= {{ var("overdue_grace_days") }} then 'overdue'
        when items.open_amount > 0 then 'open'
        else 'paid'
    end as status
from {{ ref("int_invoices__unioned") }} as items
cross join {{ ref("int_as_of") }} as as_of
left join {{ source("identity", "members") }} as members on items.record_key = members.record_key
left join {{ ref("currency_rates") }} as rates on items.currency = rates.currency
where items.invoiced_date <= as_of.as_of_date
