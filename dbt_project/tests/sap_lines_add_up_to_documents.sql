{# The positions of a billing document add up to its net value. #}
select
    invoices.document,
    invoices.net_value,
    sum(lines.net_value) as lines_value
from {{ ref("stg_sap__invoices") }} as invoices
inner join {{ ref("stg_sap__invoice_lines") }} as lines on invoices.document = lines.document
group by invoices.document, invoices.net_value
having invoices.net_value <> sum(lines.net_value)
