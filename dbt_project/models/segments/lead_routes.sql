{# AU-ROUTE: leads that are ready for sales, each to an owner by the declared rules: the first rule, by priority, whose country and least
   score fit. #}
select
    scores.customer_id,
    scores.as_of_date,
    scores.lead_score,
    arg_min(rules.owner, rules.priority) as owner,
    min(rules.priority) as rule_priority
from {{ ref("lead_scores") }} as scores
inner join {{ ref("int_customers__facts") }} as facts on scores.customer_id = facts.customer_id
inner join (
    select distinct customer_id
    from {{ ref("leads") }}
    where customer_id is not null and not is_converted and status <> 'Unqualified'
) as leads on scores.customer_id = leads.customer_id
inner join {{ ref("lead_routing") }} as rules
    on (rules.country is null or facts.country = rules.country) and scores.lead_score >= rules.least_score
where scores.lead_route = 'sales'
group by scores.customer_id, scores.as_of_date, scores.lead_score
