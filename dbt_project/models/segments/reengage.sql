{# Customers whose last order is more than var reengage_after_days and at most var reengage_until_days days ago (AU-REENGAGE). #}
{{ segment('last_order_days > ' ~ var('reengage_after_days') ~ ' and last_order_days <= ' ~ var('reengage_until_days')) }}
