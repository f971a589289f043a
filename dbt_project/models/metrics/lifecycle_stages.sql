{# Where a customer stands: advocacy (bought twice and recommends), retention (bought), decision (an open deal, or a cart in the last 30
   days), consideration (visits, clicks, downloads or a lead in the last 90), else awareness. The furthest that holds counts. #}
select
    facts.customer_id,
    facts.as_of_date,
    case
        when facts.orders_count >= 2 and satisfaction.nps_score >= 9 then 'advocacy'
        when facts.orders_count >= 1 then 'retention'
        when deals.open_deals > 0 or coalesce(activity.cart_events_30d, 0) > 0 then 'decision'
        when
            coalesce(activity.web_visits_90d, 0) + coalesce(activity.email_clicks_90d, 0) + coalesce(activity.downloads_90d, 0)
            + coalesce(activity.forms_90d, 0) + coalesce(deals.open_leads, 0) > 0
            then 'consideration'
        else 'awareness'
    end as lifecycle_stage
from {{ ref("int_customers__facts") }} as facts
left join {{ ref("customer_activity") }} as activity on facts.customer_id = activity.customer_id and activity.days_ago = 0
left join {{ ref("satisfaction") }} as satisfaction on facts.customer_id = satisfaction.customer_id and satisfaction.days_ago = 0
left join (
    select
        coalesce(deals.customer_id, leads.customer_id) as customer_id,
        coalesce(deals.open_deals, 0) as open_deals,
        coalesce(leads.open_leads, 0) as open_leads
    from (
        select
            customer_id,
            count(*) as open_deals
        from {{ ref("opportunities") }}
        where customer_id is not null and not is_closed
        group by customer_id
    ) as deals
    full outer join (
        select
            customer_id,
            count(*) as open_leads
        from {{ ref("leads") }}
        where customer_id is not null and not is_converted and status <> 'Unqualified'
        group by customer_id
    ) as leads on deals.customer_id = leads.customer_id
) as deals on facts.customer_id = deals.customer_id
