{# Newsletters of Mailchimp, from what was done with them; the tool knows no cost. #}
select
    'mailchimp:' || campaign_id as campaign_id,
    'mailchimp' as source,
    max(campaign_title) as campaign_name,
    'email' as channel,
    min(occurred_at)::date as starts_date,
    max(occurred_at)::date as ends_date,
    null::decimal(18, 2) as budget,
    null::decimal(18, 2) as cost,
    'USD' as currency
from {{ ref("stg_mailchimp__campaign_activity") }}
group by campaign_id
