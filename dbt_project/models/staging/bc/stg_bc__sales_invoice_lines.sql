{# Posted sales invoices of Business Central with their lines, as XML of an export definition, one row per invoice and line. #}
with

source as (

    select * from {{ source('bronze', 'bc_sales_invoices') }}

),

renamed as (

    select

        ---------- ids
        invoice_number,
        'bc_customers:' || customer_number as record_key,

        ---------- text
        customer_number,
        item_number,
        currency,

        ---------- numbers
        line_number,
        quantity,
        amount,

        ---------- dates
        invoiced_on,
        due_on,
        paid_on

    from source

)

select * from renamed
