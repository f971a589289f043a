"""Fits and attributions on public data give the published figures (Fader, Hardie and others; ChannelAttribution)."""

from __future__ import annotations

import csv

import numpy as np
import polars as pl
import pytest

from scoring.attribution import MODELS, Path, attribute, removal_effects
from scoring.lifetime_value import fit_bg_bb, fit_bg_nbd, fit_gamma_gamma
from warehouse.errors import CdpError


@pytest.fixture(scope="module")
def cdnow(shared_data):
    rows = pl.read_csv(shared_data / "analytics" / "cdnow" / "cdnow_customers_summary_with_transactions.csv")
    return {column: rows[column].to_numpy().astype(float) for column in ("x", "t_x", "T", "zbar")}


def test_bg_nbd_of_cdnow_is_the_published_one(cdnow):
    fitted = fit_bg_nbd(cdnow["x"], cdnow["t_x"], cdnow["T"])
    assert [fitted.r, fitted.alpha, fitted.a, fitted.b] == pytest.approx([0.24260, 4.41364, 0.79303, 2.42625], rel=1e-3)
    assert fitted.log_likelihood == pytest.approx(-9582.4292, abs=0.01)
    # Hold-out of 39 weeks: the paper's model expects 1,653 purchases.
    expected = fitted.expected_purchases(cdnow["x"], cdnow["t_x"], cdnow["T"], 39.0)
    assert expected.sum() == pytest.approx(1653, abs=2)
    assert not fitted.found_no_leaving


def test_a_purchase_rate_in_days_is_that_in_weeks(cdnow):
    weeks = fit_bg_nbd(cdnow["x"], cdnow["t_x"], cdnow["T"])
    days = fit_bg_nbd(cdnow["x"], 7 * cdnow["t_x"], 7 * cdnow["T"])
    assert days.alpha == pytest.approx(7 * weeks.alpha, rel=1e-3)
    assert days.r == pytest.approx(weeks.r, rel=1e-3)


def test_who_never_came_back_cannot_have_left(cdnow):
    fitted = fit_bg_nbd(cdnow["x"], cdnow["t_x"], cdnow["T"])
    alive = fitted.alive(np.array([0.0, 3.0, 3.0]), np.array([0.0, 30.0, 5.0]), np.array([39.0, 39.0, 39.0]))
    assert alive[0] == 1.0
    assert alive[1] > 0.7
    assert alive[2] < 0.2


def test_gamma_gamma_of_cdnow_is_the_published_one(cdnow):
    again = cdnow["x"] > 0
    fitted = fit_gamma_gamma(cdnow["x"][again], cdnow["zbar"][again])
    assert [fitted.p, fitted.q, fitted.gamma] == pytest.approx([6.2495, 3.7442, 15.4439], rel=1e-3)
    assert fitted.log_likelihood == pytest.approx(-4055.918, abs=0.01)
    everybody = fitted.p * fitted.gamma / (fitted.q - 1)
    told = fitted.expected_value(np.array([0.0, 1.0, 50.0]), np.array([0.0, 100.0, 100.0]))
    assert told[0] == pytest.approx(everybody)
    assert everybody < told[1] < told[2] < 100


def test_bg_bb_of_donations_is_the_published_one(shared_data):
    rows = pl.read_csv(shared_data / "analytics" / "cdnow" / "donations.csv")
    x, t_x, n, people = (rows[c].to_numpy().astype(float) for c in ("frequency", "recency", "periods", "weights"))
    fitted = fit_bg_bb(x, t_x, n, people)
    assert [fitted.alpha, fitted.beta, fitted.gamma, fitted.delta] == pytest.approx(
        [1.2035, 0.7497, 0.6568, 2.7838], rel=1e-3
    )
    assert fitted.log_likelihood == pytest.approx(-33225.581, abs=0.01)
    # Table 4 of the paper: who gave every year is expected to give 3.75 times in the next five, who never did 0.07.
    told = fitted.expected_purchases(np.array([6.0, 0.0]), np.array([6.0, 0.0]), np.array([6.0, 6.0]), 5)
    assert told == pytest.approx([3.75, 0.07], abs=0.01)


def test_too_little_or_wrong_histories_are_refused():
    few = np.ones(5)
    with pytest.raises(CdpError, match="fewer than ten"):
        fit_bg_nbd(few, few, 2 * few)
    many = np.ones(20)
    with pytest.raises(CdpError, match="outside of the time observed"):
        fit_bg_nbd(many, 3 * many, 2 * many)
    with pytest.raises(CdpError, match="positive value"):
        fit_gamma_gamma(many, -many)
    with pytest.raises(CdpError, match="more purchases than occasions"):
        fit_bg_bb(np.array([3.0]), np.array([2.0]), np.array([6.0]), np.array([1.0]))


@pytest.fixture(scope="module")
def paths(shared_data):
    with (shared_data / "analytics" / "attribution_paths" / "paths.csv").open(encoding="utf-8") as handle:
        return [
            Path(tuple(row["path"].split(" > ")), float(row["total_conversions"]), float(row["total_conversion_value"]), float(row["total_null"]))
            for row in csv.DictReader(handle)
        ]  # fmt: skip


def test_all_seven_models_hand_out_the_same_conversions_and_revenue(paths):
    found = attribute(paths)
    assert tuple(found) == MODELS
    for model, channels in found.items():
        assert sum(c for c, _ in channels.values()) == pytest.approx(19785), model
        assert sum(r for _, r in channels.values()) == pytest.approx(74802.97, abs=0.01), model


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("first", {"alpha": 6308, "iota": 4606, "eta": 3164, "delta": 1}),
        ("last", {"alpha": 8447, "eta": 4167, "iota": 3355, "mi": 2}),
        ("linear", {"alpha": 7574.7186, "iota": 3857.0962, "eta": 3539.9512, "beta": 2083.5001}),
        ("position", {"alpha": 7444.82, "iota": 3944.95, "eta": 3618.80, "beta": 1969.77}),
        ("shapley", {"alpha": 7627.94, "eta": 3613.66, "iota": 3505.04, "gamma": 138.19}),
        ("markov", {"alpha": 5344.95, "iota": 3884.61, "eta": 3340.85, "mi": 1.72}),
    ],
)
def test_a_model_gives_the_reference_s_figures(paths, model, expected):
    found = attribute(paths)[model]
    assert {channel: found[channel][0] for channel in expected} == pytest.approx(expected, abs=0.01)


def test_removal_effects_are_exact(paths):
    assert removal_effects(paths)["alpha"] == pytest.approx(0.5584, abs=1e-4)


def test_time_decay_halves_in_seven_days():
    found = attribute([Path(("mail", "ads"), 3.0, 30.0, 0.0, (7.0, 0.0)), Path((), 5.0, 1.0)])
    assert found["time_decay"]["ads"] == pytest.approx((2.0, 20.0))
    assert found["time_decay"]["mail"] == pytest.approx((1.0, 10.0))
    assert sum(c for c, _ in found["markov"].values()) == pytest.approx(3.0)
