{# Open items of the ERP. #}
select
    'sap:' || company_code || ':' || accounting_document || ':' || fiscal_year || ':' || line as receivable_id,
    record_key,
    currency,
    open_amount,
    due_date
from {{ ref("stg_sap__open_items") }}
