{# NPS, CSAT and CES answers of Delighted; CES is on seven, CSAT on five, NPS on ten. #}
select
    'delighted:' || response_id as answer_id,
    'delighted' as source,
    null::varchar as record_key,
    email,
    phone,
    survey_type,
    process,
    score,
    case survey_type when 'nps' then 10 when 'ces' then 7 else 5 end as scale,
    comment,
    created_at as answered_at
from {{ ref("stg_delighted__responses") }}
where survey_type in ('nps', 'csat', 'ces') and score is not null
