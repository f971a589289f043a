{# Positions of billing documents (VBRP), one row per document and position. #}
with

source as (

    select * from {{ source('bronze', 'sap_invoice_lines') }}

),

renamed as (

    select

        ---------- ids
        document,
        position,
        material,

        ---------- text
        product_name,

        ---------- numbers
        quantity,
        net_value

    from source

)

select * from renamed
