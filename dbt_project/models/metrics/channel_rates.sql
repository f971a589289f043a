{# M15: how often everybody answers by each channel. #}
select
    channel,
    sum(sent_count)::bigint as sent_count,
    sum(answers_count) / sum(sent_count)::double as answer_rate
from {{ ref("channel_sends") }}
group by channel
