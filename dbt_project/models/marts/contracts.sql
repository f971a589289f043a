{# Contracts and licences of accounts, with what is left to the renewal. #}
select
    contracts.contract_id,
    account_members.account_id,
    contracts.account_id as care_account_id,
    contracts.plan,
    contracts.licences,
    cast(contracts.annual_value * rates.usd_per_unit as decimal(18, 2)) as annual_value_usd,
    contracts.starts_on as starts_date,
    contracts.renews_on as renews_date,
    contracts.renews_on - as_of.as_of_date as renewal_in_days,
    contracts.status,
    contracts.status = 'active' as is_active,
    contracts.churn_reason
from {{ ref("stg_gainsight__contracts") }} as contracts
cross join {{ ref("int_as_of") }} as as_of
left join {{ source("identity", "account_members") }} as account_members
    on 'salesforce_accounts:' || contracts.crm_account_id = account_members.record_key
left join {{ ref("currency_rates") }} as rates on contracts.currency = rates.currency
