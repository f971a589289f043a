{# Everything that can have led to an order: visits by their channel, clicks in e-mails, calls, answers to campaigns. #}
select
    sessions.customer_id,
    sessions.started_at as touched_at,
    enrichment.channel,
    sessions.utm_campaign as campaign,
    sessions.utm_term as keyword
from {{ ref("web_sessions") }} as sessions
inner join {{ ref("session_enrichment") }} as enrichment on sessions.session_id = enrichment.session_id
where sessions.customer_id is not null
union all
select
    customer_id,
    first_clicked_at,
    'email',
    campaign_title,
    null
from {{ ref("email_engagement") }}
where customer_id is not null and first_clicked_at is not null
union all
select
    customer_id,
    started_at,
    'call',
    campaign_name,
    null
from {{ ref("calls") }}
where customer_id is not null and not is_abandoned
union all
select
    members.customer_id,
    members.responded_date::timestamp,
    campaigns.channel,
    campaigns.campaign_name,
    null
from {{ ref("campaign_members") }} as members
inner join {{ ref("campaigns") }} as campaigns on members.campaign_id = campaigns.campaign_id
where members.customer_id is not null and members.responded_date is not null
