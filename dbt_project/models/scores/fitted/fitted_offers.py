"""M07: what to offer to whom, by what is bought together."""


def model(dbt, session):
    """One row per customer and offer."""
    dbt.config(materialized="table")
    dbt.ref("int_as_of")
    dbt.ref("order_lines")
    dbt.ref("fitted_neighbours")
    from scoring.daily import offers_today

    return offers_today(session)
