"""Did it pay? Programmes against their control groups, and what each model of attribution says of the channels.

Open it with `.venv/bin/marimo edit docs/notebooks/did_it_pay.py`; it also runs as a script. `CDP_FILE` names another published file.
"""

import marimo

app = marimo.App(width="medium", app_title="Did it pay?")


@app.cell
def _():
    import os
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo

    path = Path(os.environ.get("CDP_FILE") or Path(__file__).resolve().parents[2] / "data" / "warehouse" / "cdp.duckdb")
    con = duckdb.connect(str(path), read_only=True)
    return alt, con, mo


@app.cell
def _(alt, con, mo):
    programmes = con.sql(
        "SELECT campaign_name, lift_pct::DOUBLE AS lift, lift_low_pct::DOUBLE AS low, lift_high_pct::DOUBLE AS high, is_significant "
        "FROM figures.programme_results ORDER BY lift DESC"
    ).df()
    base = alt.Chart(programmes).encode(y=alt.Y("campaign_name:N", sort="-x", title=None))
    # An interval that crosses zero is what chance alone could do.
    drawn = base.mark_rule().encode(x="low:Q", x2="high:Q") + base.mark_point(filled=True, size=80).encode(
        x="lift:Q", color="is_significant:N"
    )
    mo.vstack([mo.md("## Lift in percentage points, with its interval of 95 %"), mo.ui.altair_chart(drawn)])


@app.cell
def _(con, mo):
    channels = con.sql(
        "PIVOT (SELECT channel, model, revenue_usd::DOUBLE AS revenue_usd FROM figures.attribution) ON model USING sum(revenue_usd) ORDER BY channel"
    ).df()
    mo.vstack([mo.md("## Revenue by channel: every model adds up to the same total"), mo.ui.table(channels)])


if __name__ == "__main__":
    app.run()
