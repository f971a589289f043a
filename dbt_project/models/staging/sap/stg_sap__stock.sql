{# Unrestricted stock by day, material, plant and storage location (MARD with the day it was read), one row per day, material, plant and storage location. #}
with

source as (

    select * from {{ source('bronze', 'sap_stock') }}

),

renamed as (

    select

        ---------- ids
        material,
        plant,
        storage_location,

        ---------- numbers
        quantity,

        ---------- dates
        stock_date

    from source

)

select * from renamed
