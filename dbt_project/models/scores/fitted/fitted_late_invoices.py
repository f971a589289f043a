"""M04: paying late, of each open invoice as told on the day it was issued."""


def model(dbt, session):
    """One row per open invoice and days past due."""
    dbt.config(materialized="table")
    dbt.ref("int_as_of")
    dbt.ref("invoices")
    # The same models: where there are none yet they are trained once, not by both at the same moment.
    dbt.ref("fitted_late_customers")
    from scoring.daily import late_invoices_today

    return late_invoices_today(session)
