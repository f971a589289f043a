{# Calls, mails and other things to do with people, one row per task. #}
with

source as (

    select * from {{ source('bronze', 'salesforce_tasks') }}

),

renamed as (

    select

        ---------- ids
        task_id,
        who_id,
        what_id,
        owner_id,
        case when who_id like '00Q%' then 'salesforce_leads:' || who_id else 'salesforce_contacts:' || who_id end as record_key,

        ---------- text
        subject,
        description,
        status,
        priority,
        type,

        ---------- booleans
        is_closed,
        is_deleted,

        ---------- dates
        due_on,

        ---------- timestamps (UTC)
        created_at

    from source

)

select * from renamed
