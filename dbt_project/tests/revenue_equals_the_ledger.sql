{# Revenue in the mart equals revenue in the exports, per source and currency, to the cent. #}
with

mart as (

    select
        source,
        currency,
        sum(revenue) as revenue
    from {{ ref("orders") }}
    group by source, currency

),

exports as (

    select
        'sap' as source,
        currency,
        sum(net_value) as revenue
    from {{ source("bronze", "sap_invoices") }}
    where not coalesce(is_cancelled, false)
    group by currency
    union all
    select
        'shopify',
        currency,
        sum(total - coalesce(refunded_amount, 0))
    from {{ source("bronze", "shopify_orders") }}
    where
        _group_line = 1
        and cancelled_at is null
        and lower(financial_status) in ('paid', 'partially_refunded', 'refunded')
    group by currency
    union all
    select
        'bc',
        currency,
        sum(amount)
    from {{ ref("stg_bc__sales_invoice_lines") }}
    group by currency
    union all
    select
        'odoo',
        currency,
        sum(total)
    from {{ ref("stg_odoo__sale_order_lines") }}
    where line_number = 1 and state in ('sale', 'done')
    group by currency
    union all
    select
        'woocommerce',
        currency,
        sum(total)
    from {{ ref("stg_woocommerce__orders") }}
    where status in ('processing', 'completed')
    group by currency

)

select
    mart.source,
    exports.source as exported_source,
    mart.revenue,
    exports.revenue as exported_revenue
from mart
full outer join exports on mart.source = exports.source and mart.currency = exports.currency
where
    mart.revenue is distinct from exports.revenue
    and coalesce(mart.source, exports.source) in ({% for name in var("conformed")["orders"] %}'{{ name }}'{{ ", " if not loop.last }}{% endfor %})
    and exports.source is not null
