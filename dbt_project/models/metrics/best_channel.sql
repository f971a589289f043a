{# M15: the channel a customer answers most by, of those that may be used, and the hour of the day, on the clock of the customer's
   country, at which the customer is most active. Without an answer yet it is everybody's best channel, and says so. #}
with

allowed as (

    select
        customer_id,
        channel
    from {{ ref("reachability") }}
    where is_reachable

),

ranked as (

    select
        allowed.customer_id,
        allowed.channel,
        coalesce(answers.response_rate, rates.answer_rate, 0) as response_rate,
        coalesce(answers.answers_count, 0) > 0 as has_answered
    from allowed
    left join {{ ref("channel_responses") }} as answers on allowed.customer_id = answers.customer_id and allowed.channel = answers.channel
    left join {{ ref("channel_rates") }} as rates on allowed.channel = rates.channel
    qualify row_number() over (
        partition by allowed.customer_id
        order by coalesce(answers.response_rate, rates.answer_rate, 0) desc, allowed.channel asc
    ) = 1

),

moments as (

    select
        interactions.customer_id,
        enrichment.time_zone,
        interactions.occurred_at
    from {{ ref("interactions") }} as interactions
    inner join {{ ref("customer_enrichment") }} as enrichment on interactions.customer_id = enrichment.customer_id
    where
        enrichment.time_zone is not null
        and interactions.kind in ('web_visit', 'email_open', 'email_click', 'call', 'chat')

),

clocks as (

    {{ clock_days("moments", "occurred_at") }}

),

hours as (

    select
        moments.customer_id,
        hour({{ local_time("moments", "occurred_at", "clocks") }}) as hour_local,
        count(*) as times
    from moments
    left join clocks on moments.time_zone = clocks.time_zone and date_trunc('day', moments.occurred_at) = clocks.day
    group by moments.customer_id, hour_local

)

select
    facts.customer_id,
    facts.as_of_date,
    ranked.channel as best_channel,
    ranked.response_rate::decimal(8, 6) as response_rate,
    case
        when ranked.channel is null then 'no channel may be used'
        when ranked.has_answered then 'answered by it before'
        else 'what others answer by'
    end as reason,
    best_hours.best_hour_local
from {{ ref("int_customers__facts") }} as facts
left join ranked on facts.customer_id = ranked.customer_id
left join (
    select
        customer_id,
        arg_max(hour_local, times * 100 - hour_local) as best_hour_local
    from hours
    group by customer_id
    having sum(times) >= 3
) as best_hours on facts.customer_id = best_hours.customer_id
