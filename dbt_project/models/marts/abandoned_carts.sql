{# Carts that were left, and whether their owner bought afterwards in any channel: web, store or phone. #}
with

carts as (

    {{ with_customer(ref("int_carts__unioned")) }}

),

followed as (

    select
        carts.cart_id,
        min(orders.ordered_at) as ordered_at
    from carts
    inner join {{ ref("orders") }} as orders
        on
            carts.customer_id = orders.customer_id
            and not orders.is_credit_note
            and carts.abandoned_at <= orders.ordered_at
            and orders.ordered_at < carts.abandoned_at + interval '{{ var("cart_recovery_days") }} days'
    group by carts.cart_id

)

select
    carts.cart_id,
    carts.source,
    carts.customer_id,
    carts.currency,
    cast(carts.cart_total * rates.usd_per_unit as decimal(18, 2)) as cart_total_usd,
    carts.skus,
    carts.recovery_url,
    carts.abandoned_at,
    least(carts.recovered_at, followed.ordered_at) as recovered_at,
    carts.recovered_at is not null or followed.ordered_at is not null as is_recovered
from carts
left join followed on carts.cart_id = followed.cart_id
left join {{ ref("currency_rates") }} as rates on carts.currency = rates.currency
