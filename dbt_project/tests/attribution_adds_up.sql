{# Every model gives away the same orders and the same money: those of all orders that are no credits. #}
with

totals as (

    select
        count(*) as orders_count,
        sum(revenue_usd) as revenue_usd
    from {{ ref("orders") }}
    where not is_credit_note

)

select
    credit.model,
    sum(credit.conversions) as conversions,
    any_value(totals.orders_count) as orders_count,
    sum(credit.revenue_usd) as credited_usd,
    any_value(totals.revenue_usd) as revenue_usd
from {{ ref("attribution") }} as credit
cross join totals
group by credit.model
having abs(sum(credit.conversions) - any_value(totals.orders_count)) > 0.01 or abs(sum(credit.revenue_usd) - any_value(totals.revenue_usd)) > 0.01
