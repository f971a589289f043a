{# M15, the evidence: how often a customer answered by each channel, smoothed towards everybody's rate, so that one answer to one
   message says little: (answers + 20 p) / (sends + 20). #}
with

sends as (

    select
        customer_id,
        'email' as channel,
        count(*) as sent_count,
        count(*) filter (clicks_count > 0) as answers_count
    from {{ ref("email_engagement") }}
    where customer_id is not null and sent_at is not null
    group by customer_id
    union all
    select
        members.customer_id,
        campaigns.channel,
        count(*),
        count(*) filter (members.has_responded)
    from {{ ref("campaign_members") }} as members
    inner join {{ ref("campaigns") }} as campaigns on members.campaign_id = campaigns.campaign_id
    where members.customer_id is not null and not members.is_control and campaigns.channel <> 'email'
    group by members.customer_id, campaigns.channel

),

rates as (

    select
        channel,
        sum(answers_count) / sum(sent_count)::double as channel_rate
    from sends
    group by channel

)

select
    sends.customer_id,
    sends.channel,
    sum(sends.sent_count)::bigint as sent_count,
    sum(sends.answers_count)::bigint as answers_count,
    ((sum(sends.answers_count) + 20 * any_value(rates.channel_rate)) / (sum(sends.sent_count) + 20))::decimal(8, 6) as response_rate
from sends
inner join rates on sends.channel = rates.channel
group by sends.customer_id, sends.channel
