{# Companies with their people, deals, contracts and use. #}
with

people as (

    select
        links.account_id,
        count(distinct links.customer_id) as customers_count,
        sum(orders.revenue_usd) as lifetime_revenue_usd,
        max(orders.order_date) as last_order_date
    from {{ source("identity", "customer_accounts") }} as links
    left join {{ ref("orders") }} as orders on links.customer_id = orders.customer_id
    group by links.account_id

),

deals as (

    select
        account_id,
        count(*) filter (not is_closed) as open_opportunities_count,
        sum(amount_usd) filter (not is_closed) as pipeline_usd,
        sum(amount_usd) filter (is_won) as won_usd
    from {{ ref("opportunities") }}
    where account_id is not null
    group by account_id

),

agreed as (

    select
        account_id,
        sum(annual_value_usd) filter (is_active) as annual_value_usd,
        sum(licences) filter (is_active) as licences,
        min(renews_date) filter (is_active) as next_renewal_date,
        bool_or(is_active) as is_subscriber
    from {{ ref("contracts") }}
    where account_id is not null
    group by account_id

),

used as (

    select
        usage.account_id,
        max(usage.used_date) as last_used_date,
        sum(usage.events_count) filter (usage.used_date > as_of.as_of_date - 30) as usage_30d,
        sum(usage.events_count) filter (
            usage.used_date > as_of.as_of_date - 60 and usage.used_date <= as_of.as_of_date - 30
        ) as usage_30d_before
    from {{ ref("product_usage") }} as usage
    cross join {{ ref("int_as_of") }} as as_of
    where usage.account_id is not null and usage.used_date <= as_of.as_of_date
    group by usage.account_id

)

select
    accounts.account_id,
    accounts.account_name,
    accounts.domain,
    accounts.tax_id,
    accounts.city,
    accounts.country,
    accounts.sources,
    coalesce(people.customers_count, 0) as customers_count,
    coalesce(people.lifetime_revenue_usd, 0) as lifetime_revenue_usd,
    people.last_order_date,
    coalesce(deals.open_opportunities_count, 0) as open_opportunities_count,
    coalesce(deals.pipeline_usd, 0) as pipeline_usd,
    coalesce(deals.won_usd, 0) as won_usd,
    coalesce(agreed.annual_value_usd, 0) as annual_value_usd,
    coalesce(agreed.licences, 0)::bigint as licences,
    agreed.next_renewal_date,
    coalesce(agreed.is_subscriber, false) as is_subscriber,
    used.last_used_date,
    coalesce(used.usage_30d, 0)::bigint as usage_30d,
    coalesce(used.usage_30d_before, 0)::bigint as usage_30d_before,
    cast(100.0 * (used.usage_30d - used.usage_30d_before) / nullif(used.usage_30d_before, 0) as decimal(12, 1)) as usage_change_pct
from {{ source("identity", "accounts") }} as accounts
left join people on accounts.account_id = people.account_id
left join deals on accounts.account_id = deals.account_id
left join agreed on accounts.account_id = agreed.account_id
left join used on accounts.account_id = used.account_id
