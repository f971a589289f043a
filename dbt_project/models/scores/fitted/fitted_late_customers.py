"""M04: paying late, of each customer's next invoice."""


def model(dbt, session):
    """One row per customer and days past due."""
    dbt.config(materialized="table")
    dbt.ref("int_as_of")
    dbt.ref("invoices")
    from scoring.daily import late_customers_today

    return late_customers_today(session)
