"""M15: clicks in the next e-mail, by the hours in which it is sent."""


def model(dbt, session):
    """One row per customer who was ever sent one."""
    dbt.config(materialized="table")
    dbt.ref("int_as_of")
    dbt.ref("email_engagement")
    dbt.ref("orders")
    dbt.ref("customer_enrichment")
    from scoring.daily import responses_today

    return responses_today(session)
