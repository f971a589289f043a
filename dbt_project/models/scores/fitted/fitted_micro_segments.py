"""M06: groups that the data show within each lifecycle."""


def model(dbt, session):
    """One row per customer."""
    dbt.config(materialized="table")
    dbt.ref("int_as_of")
    dbt.ref("int_customers__facts")
    dbt.ref("macro_segments")
    dbt.ref("customer_activity")
    from scoring.daily import micro_segments_today

    return micro_segments_today(session)
