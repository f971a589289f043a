{# Gross retention is at most net retention and at most 100. #}
select
    gross.value as grr_pct,
    net.value as nrr_pct
from {{ ref("figures") }} as gross
inner join {{ ref("figures") }} as net on gross.figure = 'grr_pct' and net.figure = 'nrr_pct'
where gross.value > net.value + 0.0001 or gross.value > 100.0001
