{# AU-ABM: persons of accounts with open deals and engagement in the last 90 days, with the account's pipeline. #}
with

engaged as (

    select
        links.account_id,
        sum(activity.web_visits_90d + activity.email_clicks_90d + activity.downloads_90d + activity.forms_90d + activity.calls_90d) as touches_90d
    from {{ source("identity", "customer_accounts") }} as links
    inner join {{ ref("customer_activity") }} as activity on links.customer_id = activity.customer_id and activity.days_ago = 0
    group by links.account_id

)

select
    links.customer_id,
    max(as_of.as_of_date) as as_of_date,
    arg_max(accounts.account_id, (accounts.pipeline_usd, accounts.account_id)) as account_id,
    max(accounts.pipeline_usd)::decimal(18, 2) as pipeline_usd,
    max(engaged.touches_90d)::bigint as touches_90d
from {{ source("identity", "customer_accounts") }} as links
cross join {{ ref("int_as_of") }} as as_of
inner join {{ ref("accounts") }} as accounts on links.account_id = accounts.account_id
inner join engaged on accounts.account_id = engaged.account_id
where accounts.open_opportunities_count > 0 and accounts.pipeline_usd > 0 and engaged.touches_90d > 0
group by links.customer_id
