{# K-FUNNEL: leads by source to answered, converted and won, with times. #}
with

deals as (

    select
        lead_source,
        count(*) as deals_count,
        count(*) filter (is_won) as won_count,
        (avg(cycle_days) filter (is_won))::decimal(10, 1) as sales_cycle_days,
        (avg(amount_usd) filter (is_won))::decimal(18, 2) as deal_size_usd
    from {{ ref("opportunities") }}
    where lead_source is not null
    group by lead_source

)

select
    leads.lead_source,
    count(*) as leads_count,
    count(*) filter (leads.first_response_at is not null) as answered_count,
    count(*) filter (leads.is_converted) as converted_count,
    (100.0 * count(*) filter (leads.is_converted) / count(*))::decimal(6, 2) as conversion_pct,
    median(leads.response_minutes)::decimal(12, 1) as response_minutes,
    (100.0 * count(*) filter (leads.response_minutes <= 5) / nullif(count(leads.response_minutes), 0))::decimal(6, 2) as answered_in_5_min_pct,
    any_value(deals.deals_count)::bigint as deals_count,
    any_value(deals.won_count)::bigint as won_count,
    any_value(deals.sales_cycle_days) as sales_cycle_days,
    any_value(deals.deal_size_usd) as deal_size_usd
from {{ ref("leads") }} as leads
left join deals on leads.lead_source = deals.lead_source
group by leads.lead_source
