{# Stages a deal went through, with how long it stayed; the last one of an open deal lasts to the as-of date. #}
select
    'salesforce:' || history.history_id as stage_id,
    'salesforce:' || history.opportunity_id as opportunity_id,
    history.stage,
    row_number() over deal as stage_number,
    history.amount,
    history.changed_at as entered_at,
    lead(history.changed_at) over deal as left_at,
    cast(
        date_diff(
            'second',
            history.changed_at,
            coalesce(
                lead(history.changed_at) over deal,
                case when history.stage like 'Closed%' then history.changed_at else as_of.as_of_date + interval '1 day' end
            )
        ) / 86400.0 as decimal(12, 2)
    ) as stage_days
from {{ ref("stg_salesforce__opportunity_history") }} as history
cross join {{ ref("int_as_of") }} as as_of
window deal as (partition by history.opportunity_id order by history.changed_at, history.history_id)
