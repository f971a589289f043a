{# Campaigns with their budget and cost, one row per campaign. #}
with

source as (

    select * from {{ source('bronze', 'salesforce_campaigns') }}

),

renamed as (

    select

        ---------- ids
        campaign_id,

        ---------- text
        name,
        type,
        status,

        ---------- numbers
        budgeted_cost,
        actual_cost,
        expected_revenue,

        ---------- booleans
        is_active,

        ---------- dates
        starts_on,
        ends_on

    from source

)

select * from renamed
