{# M13: newest NPS, CSAT and CES of a customer, with their age, and the mean of the last year. Ratings of calls and tickets count as
   CSAT. #}
with

answers as (

    select
        customer_id,
        survey_type,
        score,
        answered_at
    from {{ ref("survey_answers") }}
    union all
    select
        customer_id,
        'csat',
        csat_score,
        started_at
    from {{ ref("calls") }}
    where csat_score is not null
    union all
    select
        customer_id,
        'csat',
        csat_score,
        coalesce(closed_at, opened_at)
    from {{ ref("tickets") }}
    where csat_score is not null

)

select
    answers.customer_id,
    dates.as_of_date,
    dates.days_ago,
    arg_max(answers.score, answers.answered_at) filter (answers.survey_type = 'nps') as nps_score,
    dates.as_of_date - max(answers.answered_at) filter (answers.survey_type = 'nps')::date as nps_age_days,
    (avg(answers.score) filter (answers.survey_type = 'csat' and dates.as_of_date - answers.answered_at::date < 365))::decimal(4, 2)
        as csat_mean_365d,
    (avg(answers.score) filter (answers.survey_type = 'ces' and dates.as_of_date - answers.answered_at::date < 365))::decimal(4, 2)
        as ces_mean_365d,
    count(*) as answers_count
from answers
inner join {{ ref("int_as_of_dates") }} as dates on answers.answered_at::date <= dates.as_of_date
where answers.customer_id is not null
group by answers.customer_id, dates.as_of_date, dates.days_ago
