{# AU-RENEW: persons of subscribers whose contract is renewed within 90 days. #}
select
    links.customer_id,
    max(as_of.as_of_date) as as_of_date,
    min(contracts.renews_date) as renews_date,
    sum(contracts.annual_value_usd)::decimal(18, 2) as annual_value_usd
from {{ ref("contracts") }} as contracts
cross join {{ ref("int_as_of") }} as as_of
inner join {{ source("identity", "customer_accounts") }} as links on contracts.account_id = links.account_id
where contracts.is_active and contracts.renewal_in_days between 0 and 90
group by links.customer_id
