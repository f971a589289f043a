{# Lead points by the declared table, and the composite score: each part's points against var lead_full_points, which make it full, weighted. A person
   without a known company has no firmographic part: the other weights are scaled up, and it is flagged. #}
with

points as (

    select
        signals.customer_id,
        rules.part,
        rules.rule_id,
        least(signals.amount * rules.points, rules.max_points) as points
    from {{ ref("lead_signals") }} as signals
    inner join {{ ref("lead_points") }} as rules on signals.signal = rules.signal

),

given as (

    select
        customer_id,
        sum(points) as lead_points,
        sum(points) filter (part = 'demographic') as demographic,
        sum(points) filter (part = 'behavioural') as behavioural,
        sum(points) filter (part = 'firmographic') as firmographic,
        list(rule_id || ' +' || points order by points desc, rule_id asc) filter (points > 0) as points_of
    from points
    group by customer_id

),

parts as (

    select
        facts.customer_id,
        facts.as_of_date,
        coalesce(given.lead_points, 0)::integer as lead_points,
        least(100, 100.0 * coalesce(given.demographic, 0) / {{ var("lead_full_points")["demographic"] }}) as demographic,
        least(100, 100.0 * coalesce(given.behavioural, 0) / {{ var("lead_full_points")["behavioural"] }}) as behavioural,
        case
            when given.firmographic > 0 then least(100, 100.0 * given.firmographic / {{ var("lead_full_points")["firmographic"] }})
        end as firmographic,
        given.points_of
    from {{ ref("int_customers__facts") }} as facts
    left join given on facts.customer_id = given.customer_id

),

scored as (

    select
        *,
        {{ weighted_score("lead", ["demographic", "behavioural", "firmographic"]) }} as lead_score
    from parts

)

select
    scored.customer_id,
    scored.as_of_date,
    scored.lead_points,
    scored.points_of,
    scored.demographic::decimal(5, 1) as demographic,
    scored.behavioural::decimal(5, 1) as behavioural,
    scored.firmographic::decimal(5, 1) as firmographic,
    scored.lead_score,
    bands.band as lead_route,
    scored.firmographic is null as is_partly_known
from scored
left join {{ ref("score_bands") }} as bands
    on bands.score = 'lead' and scored.lead_score >= bands.from_value and scored.lead_score < bands.until_value
