{# Comments, likes, shares and mentions on social networks. Networks give a handle: it is somebody's where exactly one customer is known
   by it on that network. #}
select
    'social:' || mentions.mention_id as mention_id,
    contacts.customer_id,
    mentions.network,
    mentions.kind,
    mentions.handle,
    mentions.followers_count,
    mentions.sentiment as listening_sentiment,
    mentions.text,
    mentions.post_url,
    mentions.posted_at
from {{ ref("stg_social__mentions") }} as mentions
left join {{ ref("int_contact_customers") }} as contacts
    on contacts.kind = 'handle_' || lower(mentions.network) and lower(ltrim(trim(mentions.handle), '@')) = contacts.standard
