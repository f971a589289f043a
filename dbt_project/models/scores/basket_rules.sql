{# M07: rules of up to four products over the orders of the last year; the names make them readable. #}
with

rules as (

    select
        md5(concat_ws('|', consequent, array_to_string(antecedents, '|'))) as rule_id,
        *
    from {{ ref("fitted_basket_rules") }}

)

select
    rules.rule_id,
    rules.antecedents,
    rules.consequent as consequent_product_id,
    named.antecedent_names,
    products.product_name as consequent_name,
    rules.baskets as together_count,
    rules.support::decimal(9, 8) as support,
    rules.confidence::decimal(9, 8) as confidence,
    rules.lift::decimal(12, 4) as lift
from rules
left join {{ ref("products") }} as products on rules.consequent = products.product_id
left join (
    select
        parts.rule_id,
        string_agg(coalesce(bought.product_name, parts.product_id), ' + ' order by parts.product_id) as antecedent_names
    from (
        select
            rule_id,
            unnest(antecedents) as product_id
        from rules
    ) as parts
    left join {{ ref("products") }} as bought on parts.product_id = bought.product_id
    group by parts.rule_id
) as named on rules.rule_id = named.rule_id
