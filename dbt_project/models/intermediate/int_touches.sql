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

touched as (

    select
        sales.order_id,
        touchpoints.channel,
        touchpoints.campaign,
        touchpoints.keyword,
        touchpoints.touched_at
    from sales
    inner join {{ ref("int_touchpoints") }} as touchpoints
        on
            sales.customer_id = touchpoints.customer_id
            and sales.ordered_at >= touchpoints.touched_at
            and touchpoints.touched_at > sales.ordered_at - interval '{{ var("attribution_days") }} days'
    qualify touchpoints.channel <> 'direct' or count(*) filter (touchpoints.channel <> 'direct') over (partition by sales.order_id) = 0

),

paths as (

    select
        *,
        row_number() over path as touch_number,
        lead(channel) over path as next_channel,
        count(*) over (partition by order_id) as touches_count
    from touched
    window path as (partition by order_id order by touched_at, channel, campaign, keyword)

)

-- Most orders have nothing before them: they are not sorted with the others.
select
    sales.order_id,
    sales.customer_id,
    sales.ordered_at,
    sales.revenue_usd,
    sales.margin_usd,
    sales.is_first_order,
    coalesce(paths.channel, 'none known') as channel,
    paths.campaign,
    paths.keyword,
    coalesce(paths.touched_at, sales.ordered_at) as touched_at,
    coalesce(paths.touch_number, 1) as touch_number,
    paths.next_channel,
    coalesce(paths.touches_count, 1) as touches_count
from sales
left join paths on sales.order_id = paths.order_id
