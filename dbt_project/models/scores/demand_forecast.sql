{# K-DEMAND: units of products in the four whole weeks ahead, the mean of the last eight weeks beside it, and days of cover by the better known
   of both. #}
select
    fitted.product_id,
    fitted.week as week_starts_date,
    products.product_name,
    products.category,
    fitted.usual_units::decimal(18, 2) as usual_units,
    fitted.forecast_units::decimal(18, 2) as forecast_units,
    fitted.method,
    fitted.wape::decimal(9, 4) as wape,
    fitted.plain_wape::decimal(9, 4) as plain_wape,
    fitted.reason as not_published_because,
    (signals.stock_quantity / nullif(coalesce(fitted.forecast_units, fitted.usual_units) / 7, 0))::decimal(12, 1) as cover_days,
    fitted.model_version
from {{ ref("fitted_demand") }} as fitted
left join {{ ref("products") }} as products on fitted.product_id = products.product_id
left join {{ ref("product_signals") }} as signals on fitted.product_id = signals.product_id
