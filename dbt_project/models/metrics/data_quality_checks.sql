{# M16, the checks behind the score: one row per customer and check. #}
with

checked as (

    select
        customer_id,
        as_of_date,
        email is not null as has_email,
        phone is not null as has_phone,
        given_name is not null and surnames is not null as has_full_name,
        street is not null and postcode is not null as has_address,
        birth_date is not null as has_birth_date,
        tax_id is not null as has_tax_id,
        coalesce(len(emails), 0) = 1 as one_email,
        coalesce(len(phones), 0) = 1 as one_phone,
        coalesce(last_seen_at >= as_of_date - interval '365 days', false) as is_recent
    from {{ ref("int_customers__facts") }}

)

unpivot checked
on columns(* exclude (customer_id, as_of_date))
into name check_name value is_passed
