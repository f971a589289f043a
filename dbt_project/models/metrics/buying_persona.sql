{# M11: how a customer buys, by rules with their evidence; the strongest sign names the persona, and below half of certainty, or with
   fewer than two orders, it stays undetermined. #}
with

lines as (

    select
        lines.customer_id,
        lines.order_id,
        lines.order_date,
        lines.quantity,
        lines.line_amount_usd,
        products.category,
        (lines.line_amount_usd / nullif(lines.quantity, 0))::decimal(18, 4) as unit_price_usd,
        prices.mean_price_usd as category_price_usd
    from {{ ref("order_lines") }} as lines
    left join {{ ref("products") }} as products on lines.product_id = products.product_id
    inner join {{ ref("category_prices") }} as prices on coalesce(products.category, '') = prices.category
    where lines.customer_id is not null and lines.quantity > 0 and lines.line_amount_usd > 0

),

categories as (

    select
        customer_id,
        max(spent_usd) / nullif(sum(spent_usd), 0) as top_category_share
    from (
        select
            customer_id,
            category,
            sum(line_amount_usd) as spent_usd
        from lines
        group by customer_id, category
    ) as spent
    group by customer_id

),

signs as (

    select
        lines.customer_id,
        count(distinct lines.order_id) as orders_count,
        (count(*) filter (lines.unit_price_usd < 0.8 * lines.category_price_usd) / count(*)::double) as low_price_share,
        (count(distinct lines.order_id) filter (month(lines.order_date) in (11, 12)) / count(distinct lines.order_id)::double)
            as season_share,
        (sum(lines.quantity) / count(distinct lines.order_id))::double as pieces_an_order
    from lines
    group by lines.customer_id

),

channels as (

    select
        customer_id,
        count(*) filter (channel = 'web') / count(*)::double as web_share
    from {{ ref("orders") }}
    where customer_id is not null and not is_credit_note
    group by customer_id

),

judged as (

    select
        signs.customer_id,
        signs.orders_count,
        signs.low_price_share::decimal(4, 3) as low_price_share,
        signs.season_share::decimal(4, 3) as season_share,
        signs.pieces_an_order::decimal(12, 2) as pieces_an_order,
        categories.top_category_share::decimal(4, 3) as top_category_share,
        channels.web_share::decimal(4, 3) as web_share,
        least(1, signs.pieces_an_order / 12.0)::decimal(4, 3) as bulk,
        signs.low_price_share::decimal(4, 3) as price_led,
        (case when signs.orders_count >= 3 then signs.season_share else 0 end)::decimal(4, 3) as seasonal,
        (case when signs.orders_count >= 3 then categories.top_category_share else 0 end)::decimal(4, 3) as specialist,
        least(1, signs.orders_count / 8.0)::decimal(4, 3) as loyal,
        (0.7 * channels.web_share)::decimal(4, 3) as digital_first
    from signs
    inner join categories on signs.customer_id = categories.customer_id
    inner join channels on signs.customer_id = channels.customer_id

),

strengths as (

    unpivot (select
customer_id,
bulk,
price_led,
seasonal,
specialist,
loyal,
digital_first
from judged)
    on bulk, price_led, seasonal, specialist, loyal, digital_first
    into name persona value confidence

),

strongest as (

    select
        customer_id,
        persona,
        confidence
    from strengths
    qualify row_number() over (partition by customer_id order by confidence desc, persona asc) = 1

)

select
    judged.customer_id,
    as_of.as_of_date,
    case when judged.orders_count < 2 or strongest.confidence < 0.5 then 'undetermined' else strongest.persona end as buying_persona,
    strongest.confidence,
    judged.orders_count,
    judged.low_price_share,
    judged.season_share,
    judged.pieces_an_order,
    judged.top_category_share,
    judged.web_share
from judged
cross join {{ ref("int_as_of") }} as as_of
inner join strongest on judged.customer_id = strongest.customer_id
