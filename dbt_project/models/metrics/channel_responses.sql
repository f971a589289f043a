{# M15, the evidence: how often a customer answered by each channel, smoothed towards everybody's rate, so that one answer to one
   message says little: (answers + 20 p) / (sends + 20). #}
select
    sends.customer_id,
    sends.channel,
    sends.sent_count,
    sends.answers_count,
    ((sends.answers_count + 20 * rates.answer_rate) / (sends.sent_count + 20))::decimal(8, 6) as response_rate
from {{ ref("channel_sends") }} as sends
inner join {{ ref("channel_rates") }} as rates on sends.channel = rates.channel
