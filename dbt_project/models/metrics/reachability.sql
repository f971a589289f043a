{# By which channels a customer may and can be reached for marketing, with the reason when not. Consent comes first: no channel
   without a grant that is in force. #}
with

channels as (

    select unnest(['email', 'phone', 'sms', 'whatsapp', 'ads', 'post']) as channel

),

granted as (

    select
        customer_id,
        channel,
        bool_and(is_granted) as is_granted
    from {{ ref("consents") }}
    where is_in_force and purpose in ('marketing', 'advertising')
    group by customer_id, channel

),

bounced as (

    select
        customer_id,
        arg_max(is_bounced, sent_at) as is_last_bounced,
        bool_or(is_complained) as is_complained
    from {{ ref("email_engagement") }}
    where customer_id is not null and sent_at is not null
    group by customer_id

)

select
    facts.customer_id,
    facts.as_of_date,
    channels.channel,
    case
        when channels.channel = 'email' and facts.email is null then 'no address'
        when channels.channel in ('phone', 'sms', 'whatsapp') and facts.phone is null then 'no number'
        when channels.channel = 'post' and (facts.street is null or facts.postcode is null) then 'no address'
        when channels.channel = 'ads' and facts.email is null and facts.phone is null then 'no identifier'
        when granted.is_granted is null then 'no consent known'
        when not granted.is_granted then 'refused'
        when channels.channel = 'email' and bounced.is_complained then 'marked as spam'
        when channels.channel = 'email' and bounced.is_last_bounced then 'last message bounced'
        else 'reachable'
    end as reason,
    reason = 'reachable' as is_reachable
from {{ ref("int_customers__facts") }} as facts
cross join channels
left join granted on facts.customer_id = granted.customer_id and channels.channel = granted.channel
left join bounced on facts.customer_id = bounced.customer_id
