{# Answers of customers, one per customer and survey a day: the newest counts when somebody answers twice. NPS is on ten
   (promoters 9 and 10, detractors to 6: Reichheld 2003), CSAT on five (satisfied 4 and 5), CES on seven (agree 5 to 7: Dixon,
   Freeman and Toman 2010). #}
with

answered as (

    {{ with_customer(ref("int_survey_answers__unioned")) }}

)

select
    answer_id,
    source,
    customer_id,
    survey_type,
    process,
    score,
    scale,
    case
        when survey_type = 'nps' then case when score >= 9 then 'promoter' when score >= 7 then 'passive' else 'detractor' end
        when survey_type = 'csat' then case when score >= 4 then 'satisfied' else 'not satisfied' end
        when score >= 5 then 'easy'
        else 'not easy'
    end as answer_class,
    comment,
    answered_at
from answered
qualify
    row_number() over (
        partition by coalesce(customer_id, answer_id), survey_type, process, answered_at::date order by answered_at desc, answer_id asc
    ) = 1
