{# Calls with the customer behind the number, the campaign of the number that was dialled, and whether the same customer called
   again within var first_contact_days: the call that nobody follows was resolved at first contact when no agent said so. #}
with

called as (

    {{ with_customer(ref("int_calls__unioned")) }}

),

twice as (

    -- The line and the call centre log the same call; the centre, which knows the queue and the reason, counts.
    select distinct line.call_id
    from called as line
    inner join called as centre
        on
            line.phone = centre.phone
            and line.source <> centre.source
            and line.queue is null
            and centre.queue is not null
            and abs(epoch(line.started_at) - epoch(centre.started_at)) < 120

),

told as (

    select
        called.*,
        numbers.source as campaign_source,
        numbers.medium as campaign_medium,
        numbers.campaign as campaign_name
    from called
    anti join twice on called.call_id = twice.call_id
    left join {{ ref("stg_twilio__tracking_numbers") }} as numbers
        on
            called.dialled_number = numbers.phone_number
            and called.started_at >= numbers.valid_from
            and called.started_at < coalesce(numbers.valid_to, timestamp '9999-12-31')
    qualify row_number() over (partition by called.call_id order by numbers.valid_from desc) = 1

)

select
    call_id,
    source,
    customer_id,
    dialled_number,
    campaign_source,
    campaign_medium,
    campaign_name,
    queue,
    agent,
    direction,
    started_at,
    cast(wait_s as decimal(10, 1)) as wait_s,
    talk_s,
    is_abandoned,
    is_abandoned and wait_s < {{ var("short_abandon_s") }} as is_short_abandon,
    intent,
    outcome,
    case
        when is_abandoned then false
        else
            coalesce(
                is_first_contact_resolution,
                coalesce(
                    lead(started_at) over (partition by source, coalesce(customer_id, phone) order by started_at, call_id) - started_at
                    > interval '{{ var("first_contact_days") }} days',
                    true
                )
            )
    end as is_first_contact_resolution,
    csat_score,
    comment
from told
