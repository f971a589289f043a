{# AU-STOCK, to be shown no ads: customers whose products of interest of the last 30 days are all out of stock. #}
select
    viewers.customer_id,
    viewers.as_of_date
from {{ ref("remarket_viewers") }} as viewers
cross join lateral (select unnest(viewers.product_ids) as product_id) as interests
left join {{ ref("product_signals") }} as signals on interests.product_id = signals.product_id
group by viewers.customer_id, viewers.as_of_date
having bool_and(coalesce(signals.is_out_of_stock, false))
