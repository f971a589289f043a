{# What speaks for a lead, one row per customer and sign that the customer gives, with how much of it there is: of fifteen signs most people give three. #}
with

titles as (

    select
        customer_id,
        max(title) as title
    from {{ ref("leads") }}
    where title is not null and customer_id is not null
    group by customer_id

),

firms as (

    select
        links.customer_id,
        max(crm.employees_count) as employees_count,
        max(crm.annual_revenue) as annual_revenue,
        bool_or(accounts.is_subscriber) as is_subscriber
    from {{ source("identity", "customer_accounts") }} as links
    inner join {{ ref("accounts") }} as accounts on links.account_id = accounts.account_id
    left join {{ source("identity", "account_members") }} as members on links.account_id = members.account_id
    left join {{ ref("stg_salesforce__accounts") }} as crm on members.record_key = 'salesforce_accounts:' || crm.account_id
    group by links.customer_id

),

signs as (

    select
        facts.customer_id,
        facts.as_of_date,
        (facts.country in ({% for code in var("target_countries") %}'{{ code }}'{{ ", " if not loop.last }}{% endfor %}))::integer
            as target_region,
        (facts.email is not null)::integer as email_given,
        (facts.phone is not null)::integer as phone_given,
        (titles.title is not null)::integer as job_title,
        regexp_matches(coalesce(titles.title, ''), '(?i)\b(vp|vice|vicepresident|ceo|cfo|cto|chief|president|director general|owner|founder)')::integer
            as vice_president_or_above,
        coalesce(activity.web_visits_90d, 0)::integer as web_visits_90d,
        coalesce(activity.downloads_90d, 0)::integer as downloads_90d,
        coalesce(activity.forms_90d, 0)::integer as forms_90d,
        coalesce(activity.email_clicks_90d, 0)::integer as email_clicks_90d,
        coalesce(activity.calls_90d, 0)::integer as calls_90d,
        coalesce(activity.campaign_responses_90d, 0)::integer as campaign_responses_90d,
        (firms.customer_id is not null)::integer as known_account,
        (coalesce(firms.employees_count, 0) >= 50)::integer as fifty_employees,
        (coalesce(firms.annual_revenue, 0) >= 1000000)::integer as million_revenue,
        coalesce(firms.is_subscriber, false)::integer as subscriber_account
    from {{ ref("int_customers__facts") }} as facts
    left join titles on facts.customer_id = titles.customer_id
    left join firms on facts.customer_id = firms.customer_id
    left join {{ ref("customer_activity") }} as activity on facts.customer_id = activity.customer_id and activity.days_ago = 0

)

select
    long.customer_id,
    long.as_of_date,
    long.signal,
    long.amount
from (
    unpivot signs
    on columns(* exclude (customer_id, as_of_date))
    into name signal value amount
) as long
where long.amount > 0
