{# Carts that were left, of all sources. #}
{{ conformed("carts", ["shopify", "woocommerce"]) }}
