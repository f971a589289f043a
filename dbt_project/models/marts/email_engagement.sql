{# What became of each message that was sent: delivered, opened, clicked, bounced, complained of. Opens by machines do not count.
   A message to a member who is not resolved keeps a null customer. #}
with

events as (

    {{ with_customer("(select *, null::varchar as phone from " ~ ref("int_email_events__unioned") ~ ")") }}

)

select
    {{ surrogate_key(["campaign_id", "message_id", "record_key", "customer_id"]) }} as engagement_id,
    campaign_id,
    max(campaign_title) as campaign_title,
    customer_id,
    record_key,
    min(occurred_at) filter (action in ('sent', 'delivered')) as sent_at,
    min(occurred_at) filter (action = 'open' and not is_machine) as first_opened_at,
    min(occurred_at) filter (action = 'click') as first_clicked_at,
    count(*) filter (action = 'open' and not is_machine) as opens_count,
    count(*) filter (action = 'click') as clicks_count,
    bool_or(action = 'bounce') as is_bounced,
    bool_or(action = 'unsubscribe') as is_unsubscribed,
    bool_or(action = 'complaint') as is_complained
from events
group by campaign_id, message_id, customer_id, record_key
