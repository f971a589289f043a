{# Sentiment of each text, without the text itself. #}
select
    texts.text_id,
    texts.kind,
    texts.subject_id,
    texts.customer_id,
    texts.written_at,
    judged.sentiment,
    judged.positive_chance::decimal(6, 5) as positive_chance,
    judged.model_version
from {{ ref("int_texts") }} as texts
inner join {{ ref("fitted_sentiment") }} as judged on texts.text_hash = judged.text_hash
