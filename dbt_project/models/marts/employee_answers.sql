{# What employees think customers answer, on the same questions, by area, role and process. #}
select
    {{ surrogate_key(["response_id", "process"]) }} as employee_answer_id,
    response_id,
    answered_on as answered_date,
    area,
    job_role,
    process,
    expected_nps,
    satisfaction,
    effort,
    comment
from {{ ref("stg_employees__survey_answers") }}
