{# Steps of onboarding, with the day they were due and done, one row per account and milestone. #}
with

source as (

    select * from {{ source('bronze', 'gainsight_milestones') }}

),

renamed as (

    select

        ---------- ids
        account_id,
        milestone,

        ---------- dates
        due_on,
        done_on

    from source

)

select * from renamed
