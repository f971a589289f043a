{# By what people look customers up, in the form in which it is compared: whoever answers a phone has a name, an e-mail, a number or an order. #}
with known as (

    select
        customer_id,
        attribute,
        value
    from {{ source("identity", "profile_values") }}

),

words as (

    -- Names are few, and their bearers many.
    select
        value,
        unnest(list_distinct(string_split(strip_accents(lower(value)), ' '))) as term
    from (
        select distinct value
        from known
        where attribute in ('given_name', 'surnames')
    ) as names

),

terms as (

    select
        'name' as kind,
        words.term,
        known.customer_id
    from known
    inner join words on known.value = words.value
    where known.attribute in ('given_name', 'surnames') and length(words.term) > 1
    union all
    select
        'email',
        lower(value),
        customer_id
    from known
    where attribute = 'email'
    union all
    -- Backwards, since people know the last digits of a number and not how its country is written.
    select
        'phone',
        reverse(regexp_replace(value, '[^0-9]', '', 'g')),
        customer_id
    from known
    where attribute = 'phone'
    union all
    select
        'tax_id',
        upper(regexp_replace(strip_accents(value), '[^0-9A-Za-z]', '', 'g')),
        customer_id
    from known
    where attribute = 'tax_id'
    union all
    select
        'order',
        lower(order_number),
        customer_id
    from {{ ref("orders") }}
    where customer_id is not null and order_number is not null
    union all
    select
        'record',
        lower(record_id),
        customer_id
    from {{ source("identity", "members") }}

)

select distinct
    kind,
    term,
    customer_id
from terms
where term <> ''
order by kind, term
