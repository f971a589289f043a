{# What customers wrote, one row per text, with whom it is from and when. #}
with

written as (

    select
        'ticket' as kind,
        ticket_id as subject_id,
        customer_id,
        opened_at as written_at,
        concat_ws('. ', subject, body) as text
    from {{ ref("tickets") }}
    union all
    select
        'survey',
        answer_id,
        customer_id,
        answered_at,
        comment
    from {{ ref("survey_answers") }}
    union all
    select
        'call',
        call_id,
        customer_id,
        started_at,
        comment
    from {{ ref("calls") }}
    union all
    select
        'social',
        mention_id,
        null,
        posted_at,
        text
    from {{ ref("social_mentions") }}

)

select
    kind || ':' || subject_id as text_id,
    kind,
    subject_id,
    customer_id,
    written_at,
    text,
    md5(text) as text_hash
from written
where text is not null and trim(text) <> ''
