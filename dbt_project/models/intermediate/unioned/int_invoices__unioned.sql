{# Invoices of all sources, one row per invoice or accounting line. #}
{{ conformed("invoices", ["sap", "odoo", "bc"]) }}
