{# Positions of sales documents (VBAP); a reason for rejection means that the position is off, one row per sales document and position. #}
with

source as (

    select * from {{ source('bronze', 'sap_sales_order_lines') }}

),

renamed as (

    select

        ---------- ids
        sales_document,
        position,

        ---------- text
        material,
        rejection_reason,

        ---------- numbers
        quantity,
        net_value

    from source

)

select * from renamed
