"""K-DEMAND: units of products in the weeks ahead."""


def model(dbt, session):
    """One row per product and week."""
    dbt.config(materialized="table")
    dbt.ref("int_as_of")
    dbt.ref("order_lines")
    dbt.ref("products")
    dbt.ref("int_web_events__unioned")
    dbt.ref("leads")
    dbt.ref("product_stock_daily")
    from scoring.daily import demand_today

    return demand_today(session)
