{# Sentiment of what a customer wrote in the last year, newer texts counting more: each loses half of its weight in 90 days. #}
with

weighed as (

    select
        texts.customer_id,
        as_of.as_of_date,
        texts.written_at,
        texts.text_id,
        texts.sentiment,
        texts.positive_chance,
        power(0.5, (as_of.as_of_date - texts.written_at::date) / 90.0) as weight
    from {{ ref("text_sentiment") }} as texts
    cross join {{ ref("int_as_of") }} as as_of
    where
        texts.customer_id is not null
        and texts.written_at::date <= as_of.as_of_date
        and texts.written_at::date > as_of.as_of_date - 365

),

summed as (

    select
        customer_id,
        as_of_date,
        count(*) as texts_365d,
        count(*) filter (sentiment = 'negative') as negative_texts_365d,
        -- As decimals, so that sums are the same at every run.
        (
            100 * sum(((2 * positive_chance::double - 1) * weight)::decimal(18, 12)) / sum(weight::decimal(18, 12))
        )::decimal(5, 1) as sentiment_score,
        arg_max(sentiment, (written_at, text_id)) as latest_sentiment
    from weighed
    group by customer_id, as_of_date

)

select
    customer_id,
    as_of_date,
    texts_365d,
    negative_texts_365d,
    sentiment_score,
    case
        when sentiment_score >= 30 then 'positive'
        when sentiment_score < -30 then 'negative'
        else 'neutral'
    end as sentiment,
    latest_sentiment
from summed
