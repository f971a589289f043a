{# Milestones of onboarding, by account. #}
select
    {{ surrogate_key(["account_id", "milestone"]) }} as milestone_id,
    account_id as care_account_id,
    milestone,
    due_on as due_date,
    done_on as done_date,
    coalesce(done_on <= due_on, false) as is_in_time
from {{ ref("stg_gainsight__milestones") }}
