{# The field that is missing and worth most to ask for next, by the declared order; null when nothing is missing. #}
with

missing as (

    select
        customer_id,
        as_of_date,
        list_filter(
            [
                case when email is null then 'email' end,
                case when phone is null then 'phone' end,
                case when given_name is null or surnames is null then 'full_name' end,
                case when postcode is null then 'postcode' end,
                case when birth_date is null then 'birth_date' end,
                case when tax_id is null then 'tax_id' end
            ],
            lambda field: field is not null
        ) as fields
    from {{ ref("int_customers__facts") }}

)

select
    missing.customer_id,
    missing.as_of_date,
    missing.fields as missing_fields,
    arg_min(asked.field, asked.priority) as next_profile_field
from missing
left join {{ ref("profile_fields") }} as asked on list_contains(missing.fields, asked.field)
group by missing.customer_id, missing.as_of_date, missing.fields
