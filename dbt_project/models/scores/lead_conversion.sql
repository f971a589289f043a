{# The chance of open leads to become customers within 90 days of being created. #}
with

reasons as (

    {{ reasons_of(ref("fitted_leads")) }}

)

select
    leads.lead_id,
    leads.customer_id,
    as_of.as_of_date,
    fitted.value::decimal(7, 6) as conversion_chance,
    fitted.model_version,
    fitted.reason as not_published_because,
    reasons.because_en,
    reasons.because_es
from {{ ref("fitted_leads") }} as fitted
inner join {{ ref("leads") }} as leads on fitted.subject_id = leads.lead_id
cross join {{ ref("int_as_of") }} as as_of
left join reasons on fitted.subject_id = reasons.subject_id
