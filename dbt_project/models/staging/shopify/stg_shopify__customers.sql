{# Accounts of the web shop, one row per account. #}
with

source as (

    select * from {{ source('bronze', 'shopify_customers') }}

),

renamed as (

    select

        ---------- ids
        shop_customer_id,
        'shopify_customers:' || shop_customer_id as record_key,

        ---------- text
        given_name,
        family_name,
        lower(email) as email,
        phone,
        city,
        country,

        ---------- numbers
        total_spent,
        total_orders,

        ---------- booleans
        accepts_email_marketing,
        accepts_sms_marketing

    from source

)

select * from renamed
