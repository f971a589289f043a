{# AU-CART: carts over var cart_value_usd that were left in the last var cart_recovery_days and not bought since, of customers of a high
   value tier or a premium or vip card. The newest cart of each customer. #}
select
    carts.customer_id,
    as_of.as_of_date,
    carts.cart_id,
    carts.cart_total_usd,
    carts.skus,
    carts.recovery_url,
    carts.abandoned_at
from {{ ref("abandoned_carts") }} as carts
cross join {{ ref("int_as_of") }} as as_of
inner join {{ ref("customers") }} as customers on carts.customer_id = customers.customer_id
left join (
    select
        members.customer_id,
        bool_or(lower(cards.level) in ('premium', 'vip', 'oro', 'platino', 'gold', 'platinum')) as is_premium
    from {{ ref("stg_loyalty__members") }} as cards
    inner join {{ source("identity", "members") }} as members on cards.record_key = members.record_key
    group by members.customer_id
) as cards on carts.customer_id = cards.customer_id
where
    not carts.is_recovered
    and carts.cart_total_usd > {{ var("cart_value_usd") }}
    and carts.abandoned_at::date > as_of.as_of_date - {{ var("cart_recovery_days") }}
    and carts.abandoned_at::date <= as_of.as_of_date
    and (customers.value_tier = 'high' or coalesce(cards.is_premium, false))
qualify row_number() over (partition by carts.customer_id order by carts.abandoned_at desc, carts.cart_id asc) = 1
