{# Tickets and cases, open and closed. #}
select
    tickets.ticket_id,
    tickets.source,
    members.customer_id,
    tickets.channel,
    tickets.kind,
    tickets.priority,
    tickets.is_closed,
    tickets.is_complaint,
    tickets.csat_score,
    tickets.subject,
    tickets.body,
    tickets.opened_at,
    tickets.closed_at,
    tickets.first_reply_minutes,
    date_diff('hour', tickets.opened_at, tickets.closed_at) as resolution_hours
from {{ ref("int_tickets__unioned") }} as tickets
left join {{ source("identity", "members") }} as members on tickets.record_key = members.record_key
