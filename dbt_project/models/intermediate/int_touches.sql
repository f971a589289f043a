{# What came before each order within var attribution_days: visits by their channel (a visit without any origin only when there is
   nothing else), clicks in e-mails, calls and answers to campaigns. An order that nothing is known before has one touch, none known,
   so that every order is in every model. #}
with

sales as (

    select
        orders.order_id,
        orders.customer_id,
        orders.ordered_at,
        orders.revenue_usd,
        (orders.revenue_usd - coalesce(costs.cost_usd, 0))::decimal(18, 2) as margin_usd,
        orders.customer_id is not null
        and row_number() over (partition by orders.customer_id order by orders.ordered_at, orders.order_id) = 1 as is_first_order
    from {{ ref("orders") }} as orders
    left join (
        select
            order_id,
            sum(cost_usd) as cost_usd
        from {{ ref("order_lines") }}
        group by order_id
    ) as costs on orders.order_id = costs.order_id
    where not orders.is_credit_note

),

paths as (

    select
        sales.order_id,
        sales.customer_id,
        sales.ordered_at,
        sales.revenue_usd,
        sales.margin_usd,
        sales.is_first_order,
        coalesce(touched.channel, 'none known') as channel,
        touched.campaign,
        touched.keyword,
        coalesce(touched.touched_at, sales.ordered_at) as touched_at
    from sales
    left join {{ ref("int_touchpoints") }} as touched
        on
            sales.customer_id = touched.customer_id
            and sales.ordered_at >= touched.touched_at
            and touched.touched_at > sales.ordered_at - interval '{{ var("attribution_days") }} days'
    qualify
        coalesce(touched.channel, '') <> 'direct'
        or count(*) filter (touched.channel <> 'direct') over (partition by sales.order_id) = 0

)

select
    order_id,
    customer_id,
    ordered_at,
    revenue_usd,
    margin_usd,
    is_first_order,
    channel,
    campaign,
    keyword,
    touched_at,
    row_number() over path as touch_number,
    lead(channel) over path as next_channel,
    count(*) over (partition by order_id) as touches_count
from paths
window path as (partition by order_id order by touched_at, channel, campaign, keyword)
