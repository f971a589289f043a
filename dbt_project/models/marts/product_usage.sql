{# Use of the service by account, feature and day. #}
select
    {{ surrogate_key(["usage.account_id", "usage.feature", "usage.used_on"]) }} as usage_id,
    account_members.account_id,
    usage.account_id as care_account_id,
    usage.feature,
    usage.used_on as used_date,
    usage.active_users,
    usage.events_count,
    usage.minutes
from {{ ref("stg_gainsight__usage") }} as usage
left join {{ source("identity", "account_members") }} as account_members
    on 'salesforce_accounts:' || usage.crm_account_id = account_members.record_key
