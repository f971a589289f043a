{# M15, what was counted: messages sent to a customer by each channel, and how many were answered. #}
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
