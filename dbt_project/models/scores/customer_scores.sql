{# Every fitted chance of a customer, in one long table; null with the reason where it is not published. #}
with

fitted as (

    select * from {{ ref("fitted_churn") }}
    union all by name
    select * from {{ ref("fitted_late_customers") }}
    union all by name
    select * exclude (best_hours) from {{ ref("fitted_responses") }}

),

reasons as (

    {{ reasons_of("fitted") }}

)

select
    fitted.subject_id as customer_id,
    as_of.as_of_date,
    fitted.score,
    fitted.value::decimal(7, 6) as value,
    fitted.model_version,
    fitted.reason as not_published_because,
    reasons.because_en,
    reasons.because_es
from fitted
cross join {{ ref("int_as_of") }} as as_of
left join reasons on fitted.subject_id = reasons.subject_id and fitted.score = reasons.score
