{# Contracts and licences with their renewal dates, one row per contract. #}
with

source as (

    select * from {{ source('bronze', 'gainsight_contracts') }}

),

renamed as (

    select

        ---------- ids
        contract_id,
        account_id,
        crm_account_id,

        ---------- text
        plan,
        currency,
        status,
        churn_reason,

        ---------- numbers
        licences,
        annual_value,

        ---------- dates
        starts_on,
        renews_on

    from source

)

select * from renamed
