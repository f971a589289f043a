{# Materials of the ERP, one row per material. #}
with

source as (

    select * from {{ source('bronze', 'sap_products') }}

),

renamed as (

    select

        ---------- ids
        material,
        sku,

        ---------- text
        product_name,
        category,
        currency,

        ---------- numbers
        standard_cost

    from source

)

select * from renamed
