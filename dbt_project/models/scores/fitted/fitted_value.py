"""M02: orders and revenue to come, by BG/NBD and Gamma-Gamma."""


def model(dbt, session):
    """One row per customer who ordered."""
    dbt.config(materialized="table")
    dbt.ref("int_as_of")
    dbt.ref("orders")
    from scoring.daily import value_today

    return value_today(session)
