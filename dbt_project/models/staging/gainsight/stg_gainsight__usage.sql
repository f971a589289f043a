{# Use of the product by account, feature and day, one row per account, feature and day. #}
with

source as (

    select * from {{ source('bronze', 'gainsight_usage') }}

),

renamed as (

    select

        ---------- ids
        account_id,
        crm_account_id,
        feature,

        ---------- numbers
        active_users,
        events_count,
        minutes,

        ---------- dates
        used_on

    from source

)

select * from renamed
