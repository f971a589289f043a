{# Paths of channels that have not led to an order: what a customer touched in the last var attribution_days since the newest order. #}
with

lasts as (

    select
        customer_id,
        max(ordered_at) as last_ordered_at
    from {{ ref("orders") }}
    where customer_id is not null and not is_credit_note
    group by customer_id

),

open_touches as (

    select
        touched.customer_id,
        touched.touched_at,
        touched.channel,
        touched.campaign
    from {{ ref("int_touchpoints") }} as touched
    cross join {{ ref("int_as_of") }} as as_of
    left join lasts on touched.customer_id = lasts.customer_id
    where
        touched.touched_at > as_of.as_of_date - interval '{{ var("attribution_days") }} days'
        and touched.touched_at < as_of.as_of_date + interval '1 day'
        and (lasts.last_ordered_at is null or touched.touched_at > lasts.last_ordered_at)

),

paths as (

    select
        customer_id,
        list(channel order by touched_at, channel, campaign) as channels
    from open_touches
    group by customer_id

)

select
    channels,
    count(*) as customers_count
from paths
group by channels
