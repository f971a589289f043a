{# How far scores, and what they are told from, have moved since the model was judged, by the population stability index. #}
select
    score,
    as_of_date::date as as_of_date,
    measured,
    stability_index::decimal(12, 4) as stability_index,
    stability_index > {{ var("drift_bound") }} as is_drifted
from {{ ref("fitted_drift") }}
