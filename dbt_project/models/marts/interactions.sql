{# Everything a customer did or was sent, one long table: what is not somebody's is left out. Direction is in for what the customer
   did and out for what was sent. Page views are counted in sessions; what says more than a page is here. #}
with

happened as (

    select
        'order:' || order_id as interaction_id,
        customer_id,
        ordered_at as occurred_at,
        'order' as kind,
        'in' as direction,
        channel,
        source,
        null::varchar as campaign_id,
        revenue_usd as value_usd,
        order_number as detail
    from {{ ref("orders") }}
    where not is_credit_note
    union all
    select
        'credit:' || order_id,
        customer_id,
        ordered_at,
        'credit_note',
        'out',
        channel,
        source,
        null,
        revenue_usd,
        order_number
    from {{ ref("orders") }}
    where is_credit_note
    union all
    select
        'payment:' || invoice_id,
        customer_id,
        paid_date::timestamp,
        'payment',
        'in',
        'finance',
        source,
        null,
        amount_usd,
        order_id
    from {{ ref("invoices") }}
    where paid_date is not null and amount > 0
    union all
    select
        'visit:' || session_id,
        customer_id,
        started_at,
        'web_visit',
        'in',
        'web',
        'web',
        utm_campaign,
        null,
        null
    from {{ ref("web_sessions") }}
    union all
    select
        'web:' || events.event_id,
        sessions.customer_id,
        events.occurred_at,
        kinds.kind,
        'in',
        'web',
        'web',
        null,
        null,
        events.detail
    from {{ ref("int_web_events__unioned") }} as events
    inner join (
        values ('Product Added', 'cart_add'), ('Checkout Started', 'checkout'), ('Form Submitted', 'form'),
        ('Content Downloaded', 'download'), ('Chat Started', 'chat'), ('Phone Clicked', 'click_to_call'), ('Products Searched', 'search')
    ) as kinds (event_name, kind) on events.event_name = kinds.event_name
    asof left join {{ source("identity", "device_logins") }} as sessions
        on events.anonymous_id = sessions.anonymous_id and events.occurred_at >= sessions.valid_from
    where events.occurred_at < sessions.valid_to
    union all
    select
        'cart:' || cart_id,
        customer_id,
        abandoned_at,
        'cart_abandoned',
        'in',
        'web',
        source,
        null,
        cart_total_usd,
        null
    from {{ ref("abandoned_carts") }}
    union all
    select
        'sent:' || engagement_id,
        customer_id,
        sent_at,
        'email_sent',
        'out',
        'email',
        split_part(campaign_id, ':', 1),
        campaign_id,
        null,
        null
    from {{ ref("email_engagement") }}
    where sent_at is not null
    union all
    select
        'open:' || engagement_id,
        customer_id,
        first_opened_at,
        'email_open',
        'in',
        'email',
        split_part(campaign_id, ':', 1),
        campaign_id,
        null,
        null
    from {{ ref("email_engagement") }}
    where first_opened_at is not null
    union all
    select
        'click:' || engagement_id,
        customer_id,
        first_clicked_at,
        'email_click',
        'in',
        'email',
        split_part(campaign_id, ':', 1),
        campaign_id,
        null,
        null
    from {{ ref("email_engagement") }}
    where first_clicked_at is not null
    union all
    select
        'call:' || call_id,
        customer_id,
        started_at,
        case when is_abandoned then 'call_abandoned' else 'call' end,
        'in',
        'phone',
        source,
        campaign_name,
        null,
        intent
    from {{ ref("calls") }}
    union all
    select
        'ticket:' || ticket_id,
        customer_id,
        opened_at,
        case when is_complaint then 'complaint' else 'ticket' end,
        'in',
        channel,
        source,
        null,
        null,
        kind
    from {{ ref("tickets") }}
    union all
    select
        'survey:' || answer_id,
        customer_id,
        answered_at,
        'survey_' || survey_type,
        'in',
        'survey',
        source,
        null,
        null,
        score::varchar
    from {{ ref("survey_answers") }}
    union all
    select
        'mention:' || mention_id,
        customer_id,
        posted_at,
        'social_' || kind,
        'in',
        lower(network),
        'social',
        null,
        null,
        listening_sentiment
    from {{ ref("social_mentions") }}
    where customer_id is not null
    union all
    select
        'campaign:' || campaign_member_id,
        customer_id,
        responded_date::timestamp,
        'campaign_response',
        'in',
        'campaign',
        'salesforce',
        campaign_id,
        null,
        null
    from {{ ref("campaign_members") }}
    where responded_date is not null
    union all
    select
        'lead:' || lead_id,
        customer_id,
        created_at,
        'lead',
        'in',
        lower(lead_source),
        'salesforce',
        null,
        null,
        status
    from {{ ref("leads") }}
    union all
    select
        'consent:' || consent_id || ':' || purpose || ':' || channel,
        customer_id,
        captured_at,
        case when is_granted then 'consent_given' else 'consent_withdrawn' end,
        'in',
        channel,
        source,
        null,
        null,
        purpose
    from {{ ref("consents") }}
    where captured_at is not null

)

select
    happened.interaction_id,
    happened.customer_id,
    happened.occurred_at,
    happened.kind,
    happened.direction,
    happened.channel,
    happened.source,
    happened.campaign_id,
    happened.value_usd,
    happened.detail
from happened
cross join {{ ref("int_as_of") }} as as_of
where happened.customer_id is not null and happened.occurred_at < as_of.as_of_date + interval '1 day'
