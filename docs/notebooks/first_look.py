"""A first look at the customers of a company: how many, worth what, and who is about to leave.

Open it with `.venv/bin/marimo edit docs/notebooks/first_look.py`; it also runs as a script. `CDP_FILE` names another published file.
"""

import marimo

app = marimo.App(width="medium", app_title="First look")


@app.cell
def _():
    import os
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo

    path = Path(os.environ.get("CDP_FILE") or Path(__file__).resolve().parents[2] / "data" / "warehouse" / "cdp.duckdb")
    # Read-only, and opened anew by each run of the notebook: the file is swapped whole under an open handle.
    con = duckdb.connect(str(path), read_only=True)
    return alt, con, mo


@app.cell
def _(con, mo):
    head = con.sql(
        "SELECT count(*) AS customers, count(*) FILTER (orders_365d > 0) AS bought_in_a_year, sum(revenue_365d_usd) AS revenue_usd "
        "FROM marts.customers"
    ).fetchall()[0]
    mo.md(f"**{head[0]:,}** customers, **{head[1]:,}** bought in the last year for **${head[2] or 0:,.0f}**.")


@app.cell
def _(alt, con, mo):
    segments = con.sql(
        "SELECT macro_segment, count(*) AS customers, sum(revenue_365d_usd)::DOUBLE AS revenue_usd FROM marts.customers GROUP BY 1 ORDER BY 3 DESC"
    ).df()
    mo.ui.altair_chart(
        alt.Chart(segments)
        .mark_bar()
        .encode(x="revenue_usd:Q", y=alt.Y("macro_segment:N", sort="-x"), tooltip=["customers", "revenue_usd"])
    )


@app.cell
def _(con, mo):
    leaving = con.sql(
        "SELECT customer_id, lifecycle_stage, revenue_365d_usd, churn_60d, next_best_action FROM marts.customers "
        "WHERE churn_60d IS NOT NULL AND value_tier = 'high' ORDER BY churn_60d * revenue_365d_usd DESC LIMIT 20"
    ).df()
    mo.vstack([mo.md("## Worth a call: dear customers who may leave"), mo.ui.table(leaving)])


if __name__ == "__main__":
    app.run()
