{# M07 for a customer: up to var offers_count products that are in stock and not bought yet, the nearest to what was bought first. A customer
   who never bought has none. #}
select
    offers.customer_id,
    as_of.as_of_date,
    row_number() over (partition by offers.customer_id order by offers.offer_rank) as offer_rank,
    offers.product_id,
    products.product_name,
    products.category,
    offers.similarity::decimal(12, 6) as similarity,
    offers.because_product_id,
    because.product_name as because_product_name,
    offers.method
from {{ ref("fitted_offers") }} as offers
cross join {{ ref("int_as_of") }} as as_of
inner join {{ ref("products") }} as products on offers.product_id = products.product_id
left join {{ ref("products") }} as because on offers.because_product_id = because.product_id
left join {{ ref("product_signals") }} as signals on offers.product_id = signals.product_id
where not coalesce(signals.is_out_of_stock, false)
qualify row_number() over (partition by offers.customer_id order by offers.offer_rank) <= {{ var("offers_count") }}
