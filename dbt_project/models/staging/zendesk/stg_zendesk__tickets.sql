{# Tickets of the support desk, from the incremental export, one row per ticket and export. #}
with

source as (

    select * from {{ source('bronze', 'zendesk_tickets') }}

),

renamed as (

    select

        ---------- ids
        ticket_id,
        requester_id,
        organization_id,
        assignee_id,
        'zendesk_users:' || requester_id as record_key,

        ---------- text
        channel,
        subject,
        description,
        type,
        priority,
        status,
        satisfaction_score,
        satisfaction_comment,

        ---------- lists
        tags,

        ---------- numbers
        first_reply_minutes,

        ---------- timestamps (UTC)
        created_at,
        updated_at,
        solved_at

    from source

)

select * from renamed
