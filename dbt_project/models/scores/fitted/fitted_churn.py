"""M03: churn of active customers, by the model in use."""


def model(dbt, session):
    """One row per customer and horizon."""
    dbt.config(materialized="table")
    dbt.ref("int_as_of")
    dbt.ref("orders")
    from scoring.daily import churn_today

    return churn_today(session)
