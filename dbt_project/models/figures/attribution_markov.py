"""K-ATTR: credit of channels by removal effects of the Markov chain over the paths of orders and of visits without one."""


def model(dbt, session):
    """One row per channel with conversions, revenue and margin, which add up to those of all orders."""
    dbt.config(materialized="table")
    from scoring.attribution import markov_by_channel

    return markov_by_channel(dbt.ref("int_touches"), dbt.ref("int_open_paths"))
