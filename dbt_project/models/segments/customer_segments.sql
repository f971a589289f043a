{# All segments of var segments, for counting and overlap. #}
{%- for name in var("segments") %}
select
    customer_id,
    '{{ name }}' as segment,
    as_of_date
from {{ ref(name) }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
