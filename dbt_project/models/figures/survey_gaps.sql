{# K-SURVEY: what employees expect customers to answer against what they answer, by process and area, with the 95 percent margin of
   the customers' mean. A positive gap: we think we are better than we are. #}
with

asked as (

    select
        answers.process,
        avg(answers.score) as customer_score,
        count(*) as customer_answers,
        1.96 * stddev_samp(answers.score) / sqrt(count(*)) as customer_margin
    from {{ ref("survey_answers") }} as answers
    cross join {{ ref("int_as_of") }} as as_of
    where answers.survey_type = 'nps' and answers.answered_at::date > as_of.as_of_date - 365
    group by answers.process

)

select
    employees.process,
    employees.area,
    employees.job_role,
    count(*) as employee_answers,
    avg(employees.expected_nps)::decimal(5, 2) as employee_score,
    any_value(asked.customer_answers) as customer_answers,
    any_value(asked.customer_score)::decimal(5, 2) as customer_score,
    any_value(asked.customer_margin)::decimal(5, 2) as customer_margin,
    (avg(employees.expected_nps) - any_value(asked.customer_score))::decimal(5, 2) as gap
from {{ ref("employee_answers") }} as employees
left join asked on employees.process = asked.process
group by employees.process, employees.area, employees.job_role
