{# M10: the newest of each kind of thing, and cases that are open. The score falls by half every 60 days of silence and with every
   open case or complaint. #}
with

newest as (

    select
        customer_id,
        max(occurred_at) filter (kind = 'order') as last_order_at,
        max(occurred_at) filter (kind = 'web_visit') as last_web_visit_at,
        max(occurred_at) filter (kind = 'email_open') as last_email_open_at,
        max(occurred_at) filter (kind = 'email_click') as last_email_click_at,
        max(occurred_at) filter (kind = 'call') as last_call_at,
        max(occurred_at) filter (kind in ('ticket', 'complaint')) as last_ticket_at,
        max(occurred_at) filter (kind like 'survey%') as last_survey_at,
        max(occurred_at) filter (direction = 'in' and kind not like 'consent%') as last_activity_at
    from {{ ref("interactions") }}
    group by customer_id

),

cases as (

    select
        tickets.customer_id,
        count(*) as open_tickets_count,
        count(*) filter (tickets.is_complaint) as open_complaints_count,
        max(as_of.as_of_date - tickets.opened_at::date) as oldest_open_ticket_days
    from {{ ref("tickets") }} as tickets
    cross join {{ ref("int_as_of") }} as as_of
    where tickets.customer_id is not null and not tickets.is_closed and tickets.opened_at::date <= as_of.as_of_date
    group by tickets.customer_id

)

select
    newest.customer_id,
    as_of.as_of_date,
    newest.last_order_at,
    newest.last_web_visit_at,
    newest.last_email_open_at,
    newest.last_email_click_at,
    newest.last_call_at,
    newest.last_ticket_at,
    newest.last_survey_at,
    newest.last_activity_at,
    as_of.as_of_date - newest.last_activity_at::date as last_activity_days,
    coalesce(cases.open_tickets_count, 0) as open_tickets_count,
    coalesce(cases.open_complaints_count, 0) as open_complaints_count,
    cases.oldest_open_ticket_days,
    (
        100 * {{ weight("last_activity", "recency") }}
        * coalesce(power(0.5, (as_of.as_of_date - newest.last_activity_at::date) / 60.0), 0)
        + 100 * {{ weight("last_activity", "openness") }}
        * greatest(0, 1 - 0.25 * coalesce(cases.open_tickets_count, 0) - 0.25 * coalesce(cases.open_complaints_count, 0))
    )::decimal(5, 1) as last_activity_score
from newest
cross join {{ ref("int_as_of") }} as as_of
left join cases on newest.customer_id = cases.customer_id
