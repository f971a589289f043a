{# M08: the one thing to do next with each customer: the candidate that nothing holds back and that is expected to bring most; nobody is
   bothered for less than it costs. #}
with

best as (

    select *
    from {{ ref("action_candidates") }}
    where held_back_by is null and expected_value_usd > 0
    qualify row_number() over (partition by customer_id order by expected_value_usd desc, action asc) = 1

),

held as (

    select
        customer_id,
        list(distinct held_back_by order by held_back_by) as held_back_by
    from {{ ref("action_candidates") }}
    where held_back_by is not null
    group by customer_id

)

select
    facts.customer_id,
    facts.as_of_date,
    coalesce(best.action, 'wait') as action,
    coalesce(actions.name_en, 'Wait') as action_en,
    coalesce(actions.name_es, 'Esperar') as action_es,
    best.subject_id,
    best.channel,
    best.response_chance,
    best.expected_value_usd,
    held.held_back_by
from {{ ref("int_customers__facts") }} as facts
left join best on facts.customer_id = best.customer_id
left join held on facts.customer_id = held.customer_id
left join {{ ref("next_actions") }} as actions on best.action = actions.action
