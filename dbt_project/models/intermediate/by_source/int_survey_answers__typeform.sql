{# Answers to forms that seed form_answers gives a score, one row per response and question. #}
with

answers as (

    select
        form,
        response_id,
        email,
        submitted_at,
        unnest(map_entries(from_json(answers, '"MAP(VARCHAR, VARCHAR)"'))) as entry
    from {{ ref("stg_typeform__responses") }}

)

select
    'typeform:' || answers.response_id || ':' || known.survey_type as answer_id,
    'typeform' as source,
    null::varchar as record_key,
    answers.email,
    null::varchar as phone,
    known.survey_type,
    null::varchar as process,
    known.score,
    known.scale,
    null::varchar as comment,
    answers.submitted_at as answered_at
from answers
inner join {{ ref("form_answers") }} as known
    on
        answers.form = known.form
        and contains(answers.entry.key, known.question_contains)
        and answers.entry.value = known.answer
