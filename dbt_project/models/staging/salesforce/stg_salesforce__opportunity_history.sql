{# Each change of stage, amount or close date of a deal, one row per change of a deal. #}
with

source as (

    select * from {{ source('bronze', 'salesforce_opportunity_history') }}

),

renamed as (

    select

        ---------- ids
        history_id,
        opportunity_id,

        ---------- text
        stage,

        ---------- numbers
        amount,
        probability,

        ---------- dates
        close_on,

        ---------- timestamps (UTC)
        changed_at

    from source

)

select * from renamed
