{# All sources of one kind of thing, by name: int_<thing>__<source> for each source in var conformed. A company that names its
   own list of things in the variable gets the shipped sources for what it does not name. #}
{% macro conformed(thing, shipped=[]) -%}
    {%- for source_name in var("conformed")[thing] or shipped %}
    select * from {{ ref("int_" ~ thing ~ "__" ~ source_name) }}
    {%- if not loop.last %} union all by name {% endif -%}
    {%- endfor %}
{%- endmacro %}

{# Rows of a relation with the customer behind them: by the source's record, else by an e-mail, else by a phone that belongs to
   one customer only. The relation has record_key, email and phone; a row that nobody can be told for keeps a null customer. #}
{% macro with_customer(relation) -%}
    select
        things.*,
        coalesce(members.customer_id, emails.customer_id, phones.customer_id) as customer_id
    from {{ relation }} as things
    left join {{ source("identity", "members") }} as members on things.record_key = members.record_key
    left join {{ ref("int_contact_customers") }} as emails on things.email = emails.standard and emails.kind = 'email'
    left join {{ ref("int_contact_customers") }} as phones on things.phone = phones.standard and phones.kind = 'phone'
{%- endmacro %}

{# A phone as identity writes it, from a call log: digits with +, and Mexican numbers without the 1 of the old mobile prefix. #}
{% macro phone_of_call(column) -%}
    regexp_replace(regexp_replace(regexp_replace({{ column }}, '[^0-9+]', '', 'g'), '^00', '+'), '^\+521(\d{10})$', '+52\1')
{%- endmacro %}

{# How the key of a union of many rows follows (`meta: key_follows`) while nothing but the shipped sources is in it: a company's own is asked for. #}
{% macro key_of_shipped(thing, shipped) -%}
    {%- if var("conformed")[thing] | reject("in", shipped) | list -%} {{ return(none) }} {%- endif -%}
    {{ return("each source's key, which is held in staging, behind the source's name") }}
{%- endmacro %}
