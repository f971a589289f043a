"""Conversion of open leads, by the model in use."""


def model(dbt, session):
    """One row per open lead."""
    dbt.config(materialized="table")
    dbt.ref("int_as_of")
    dbt.ref("leads")
    dbt.ref("interactions")
    dbt.ref("orders")
    from scoring.daily import leads_today

    return leads_today(session)
