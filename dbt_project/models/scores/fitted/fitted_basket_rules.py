"""M07: what is bought with what, sets of up to four products."""


def model(dbt, session):
    """One row per rule."""
    dbt.config(materialized="table")
    dbt.ref("int_as_of")
    dbt.ref("order_lines")
    from scoring.daily import basket_rules_today

    return basket_rules_today(session)
