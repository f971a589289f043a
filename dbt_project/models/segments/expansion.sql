{# AU-EXPAND: persons of subscribers that use what they have: four fifths of the licences or more at the busiest of 30 days, or a fifth more
   use than in the 30 days before. #}
with

busiest as (

    select
        usage.account_id,
        max(usage.active_users) as most_users
    from {{ ref("product_usage") }} as usage
    cross join {{ ref("int_as_of") }} as as_of
    where usage.used_date > as_of.as_of_date - 30 and usage.used_date <= as_of.as_of_date
    group by usage.account_id

)

select
    links.customer_id,
    max(as_of.as_of_date) as as_of_date,
    max(busiest.most_users / nullif(accounts.licences, 0))::decimal(8, 3) as licence_use,
    max(accounts.usage_change_pct)::decimal(12, 1) as usage_change_pct
from {{ source("identity", "customer_accounts") }} as links
cross join {{ ref("int_as_of") }} as as_of
inner join {{ ref("accounts") }} as accounts on links.account_id = accounts.account_id
left join busiest on accounts.account_id = busiest.account_id
where
    accounts.is_subscriber
    and (busiest.most_users >= 0.8 * accounts.licences or accounts.usage_change_pct >= 20)
group by links.customer_id
