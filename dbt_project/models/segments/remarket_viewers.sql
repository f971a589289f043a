{# AU-REMARKET: customers who looked at products in the last 30 days and have not ordered since; with the products, the newest first. #}
with

viewed as (

    select
        devices.customer_id,
        products.product_id,
        max(events.occurred_at) as viewed_at
    from {{ ref("int_web_events__unioned") }} as events
    cross join {{ ref("int_as_of") }} as as_of
    inner join {{ source("identity", "device_logins") }} as devices
        on
            events.anonymous_id = devices.anonymous_id
            and events.occurred_at >= devices.valid_from
            and events.occurred_at < devices.valid_to
    inner join {{ ref("products") }} as products on events.sku = products.sku
    where
        devices.customer_id is not null
        and events.event_name = 'Product Viewed'
        and events.occurred_at::date > as_of.as_of_date - 30
        and events.occurred_at::date <= as_of.as_of_date
    group by devices.customer_id, products.product_id

)

select
    viewed.customer_id,
    as_of.as_of_date,
    list(viewed.product_id order by viewed.viewed_at desc, viewed.product_id asc)[1:10] as product_ids,
    max(viewed.viewed_at) as last_viewed_at
from viewed
cross join {{ ref("int_as_of") }} as as_of
left join (
    select
        customer_id,
        max(ordered_at) as last_ordered_at
    from {{ ref("orders") }}
    where not is_credit_note
    group by customer_id
) as bought on viewed.customer_id = bought.customer_id
group by viewed.customer_id, as_of.as_of_date, bought.last_ordered_at
having bought.last_ordered_at is null or bought.last_ordered_at < max(viewed.viewed_at)
