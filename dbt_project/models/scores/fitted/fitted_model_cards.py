"""The model in use of every score, with how it did on later days."""


def model(dbt, session):
    """One row per score."""
    dbt.config(materialized="table")
    dbt.ref("fitted_churn")
    dbt.ref("fitted_late_customers")
    dbt.ref("fitted_late_invoices")
    dbt.ref("fitted_leads")
    dbt.ref("fitted_responses")
    dbt.ref("fitted_value")
    dbt.ref("fitted_micro_segments")
    dbt.ref("fitted_offers")
    dbt.ref("fitted_demand")
    from scoring.daily import model_cards_today

    return model_cards_today()
