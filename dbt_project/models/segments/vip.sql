{# Customers with at least var vip_orders orders (AU-VIP, the fifth purchase). #}
{{ segment('orders_count >= ' ~ var('vip_orders')) }}
