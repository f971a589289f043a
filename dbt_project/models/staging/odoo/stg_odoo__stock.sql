{# Stock on hand of Odoo (stock.quant), one workbook a day, one row per day, product and location. #}
with

source as (

    select * from {{ source('bronze', 'odoo_stock') }}

),

renamed as (

    select

        ---------- ids
        product_reference,
        location,

        ---------- numbers
        quantity,
        reserved_quantity,

        ---------- dates
        stock_date

    from source

)

select * from renamed
