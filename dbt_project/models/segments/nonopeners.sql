{# AU-NONOPEN: customers who were sent an e-mail 2 to 10 days ago and opened none of those of these days; with the newest one's campaign. #}
select
    emails.customer_id,
    as_of.as_of_date,
    arg_max(emails.campaign_title, (emails.sent_at, emails.engagement_id)) as campaign_title,
    max(emails.sent_at) as sent_at
from {{ ref("email_engagement") }} as emails
cross join {{ ref("int_as_of") }} as as_of
where
    emails.customer_id is not null
    and not emails.is_bounced
    and as_of.as_of_date - emails.sent_at::date between 2 and 10
group by emails.customer_id, as_of.as_of_date
having sum(emails.opens_count + emails.clicks_count) = 0
