{# Comments, likes, shares and mentions on social networks. Networks give a handle, not a person, so nobody is linked by it. #}
select
    'social:' || mention_id as mention_id,
    network,
    kind,
    handle,
    followers_count,
    sentiment as listening_sentiment,
    text,
    post_url,
    posted_at
from {{ ref("stg_social__mentions") }}
