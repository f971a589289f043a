"""Sentiment of distinct texts that customers wrote."""


def model(dbt, session):
    """One row per distinct text, by its hash."""
    dbt.config(materialized="table")
    dbt.ref("int_texts")
    from scoring.daily import sentiment_today

    return sentiment_today(session, "intermediate.int_texts")
