{# Customers who owe money that is overdue (AU-LATE); kept out of every audience that promotes. #}
{{ segment('overdue_amount_usd > 0') }}
