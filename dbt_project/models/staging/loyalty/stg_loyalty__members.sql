{# Cards of the loyalty programme, as the tills write them, one row per card. #}
with

source as (

    select * from {{ source('bronze', 'loyalty_members') }}

),

renamed as (

    select

        ---------- ids
        card_number,
        'sap_customers:' || customer_number as record_key,

        ---------- text
        customer_number,
        holder,
        level,

        ---------- numbers
        points,

        ---------- dates
        last_visit_on

    from source

)

select * from renamed
