{# AU-WINBACK: persons whose newest deal was lost 30 to 365 days ago and who have neither an open deal nor an order since, by lost reason. #}
with

deals as (

    select
        customer_id,
        lost_reason,
        close_date,
        is_closed,
        is_won,
        amount_usd,
        row_number() over (partition by customer_id order by coalesce(close_date, date '9999-12-31') desc, opportunity_id asc) as place,
        bool_or(not is_closed) over (partition by customer_id) as has_open_deal
    from {{ ref("opportunities") }}
    where customer_id is not null

)

select
    deals.customer_id,
    as_of.as_of_date,
    deals.lost_reason,
    deals.close_date as lost_date,
    deals.amount_usd
from deals
cross join {{ ref("int_as_of") }} as as_of
inner join {{ ref("int_customers__facts") }} as facts on deals.customer_id = facts.customer_id
where
    deals.place = 1
    and deals.is_closed
    and not deals.is_won
    and not deals.has_open_deal
    and as_of.as_of_date - deals.close_date between 30 and 365
    and coalesce(facts.last_order_date, date '1900-01-01') < deals.close_date
