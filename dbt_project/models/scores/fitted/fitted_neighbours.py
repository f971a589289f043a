"""M07: which products are bought by the same customers."""


def model(dbt, session):
    """One row per product and one of those nearest to it."""
    dbt.config(materialized="table")
    dbt.ref("int_as_of")
    dbt.ref("order_lines")
    from scoring.daily import neighbours_today

    return neighbours_today(session)
