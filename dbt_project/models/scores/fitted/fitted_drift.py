"""How far scores and what they are told from have moved since the models were judged."""


def model(dbt, session):
    """One row per score and column."""
    dbt.config(materialized="table")
    dbt.ref("fitted_churn")
    dbt.ref("fitted_late_invoices")
    dbt.ref("fitted_leads")
    dbt.ref("fitted_responses")
    from scoring.daily import drift_today

    return drift_today()
