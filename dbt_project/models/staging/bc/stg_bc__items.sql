{# Articles of Business Central with price, cost, stock and picture, saved as JSON from its API, one row per article and day of the export. #}
with

source as (

    select * from {{ source('bronze', 'bc_items') }}

),

renamed as (

    select

        ---------- ids
        item_number,

        ---------- text
        product_name,
        category,
        image_url,

        ---------- numbers
        unit_price,
        unit_cost,
        stock_quantity,

        ---------- dates
        exported_on,

        ---------- timestamps (UTC)
        updated_at

    from source

)

select * from renamed
