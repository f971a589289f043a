{# AU-CALL: customers whose newest answered call was in the last 7 days, with its intent and outcome in common words. #}
select
    calls.customer_id,
    as_of.as_of_date,
    case
        when lower(calls.intent) in ('venta', 'compra', 'sale', 'sales') then 'sale'
        when lower(calls.intent) in ('soporte', 'support', 'reclamo', 'complaint', 'devolución', 'return') then 'support'
        else 'enquiry'
    end as intent,
    lower(calls.outcome) in ('resuelto', 'venta', 'resolved', 'sold', 'sale') as is_done,
    calls.started_at as called_at
from {{ ref("calls") }} as calls
cross join {{ ref("int_as_of") }} as as_of
where
    calls.customer_id is not null
    and not calls.is_abandoned
    and calls.started_at::date > as_of.as_of_date - 7
    and calls.started_at::date <= as_of.as_of_date
qualify row_number() over (partition by calls.customer_id order by calls.started_at desc, calls.call_id asc) = 1
