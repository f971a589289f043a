{# M04 by open invoice: the chance that it is paid more than 0, 30 and 60 days late, given how late it is already. What was told on the day
   of issue is divided by the chance of being as late as it is: p(30) / p(0) once it is overdue, p(60) / p(30) past 30 days. #}
with

told as (

    select
        subject_id as invoice_id,
        max(value) filter (score = 'pay_late') as p0,
        max(value) filter (score = 'pay_late_30d') as p30,
        max(value) filter (score = 'pay_late_60d') as p60
    from {{ ref("fitted_late_invoices") }}
    group by subject_id

)

select
    invoices.invoice_id,
    invoices.customer_id,
    as_of.as_of_date,
    invoices.open_amount_usd,
    invoices.due_date,
    invoices.late_days,
    case when invoices.late_days > 0 then 1 else told.p0 end::decimal(7, 6) as pay_late,
    case
        when invoices.late_days > 30 then 1
        when invoices.late_days > 0 then least(told.p30 / greatest(told.p0, told.p30, 0.000001), 1)
        else least(told.p30, told.p0)
    end::decimal(7, 6) as pay_late_30d,
    case
        when invoices.late_days > 60 then 1
        when invoices.late_days > 30 then least(told.p60 / greatest(told.p30, told.p60, 0.000001), 1)
        when invoices.late_days > 0 then least(told.p60 / greatest(told.p0, told.p60, 0.000001), 1)
        else least(told.p60, told.p30, told.p0)
    end::decimal(7, 6) as pay_late_60d
from {{ ref("invoices") }} as invoices
cross join {{ ref("int_as_of") }} as as_of
left join told on invoices.invoice_id = told.invoice_id
where invoices.status in ('open', 'overdue')
