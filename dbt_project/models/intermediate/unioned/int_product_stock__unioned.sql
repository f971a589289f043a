{# Stock by product and day, of all sources. #}
{{ conformed("product_stock", ["sap", "odoo"]) }}
