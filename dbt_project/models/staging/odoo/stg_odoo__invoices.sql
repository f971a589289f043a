{# Customer invoices and credit notes of Odoo (account.move); credit notes are negative, one row per journal entry. #}
with

source as (

    select * from {{ source('bronze', 'odoo_invoices') }}

),

renamed as (

    select

        ---------- ids
        invoice_id,
        partner_id,
        'odoo_partners:' || partner_id as record_key,

        ---------- text
        invoice_number,
        move_type,
        payment_state,
        currency,
        origin,

        ---------- numbers
        total_signed,
        residual,

        ---------- dates
        invoiced_on,
        due_on,
        paid_on

    from source

)

select * from renamed
