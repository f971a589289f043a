"""Which kind of model tells a chance is decided by examples, and every kind is kept as plain numbers that say the same."""

from __future__ import annotations

import json

import numpy as np
import pytest

from scoring.backtest import quality
from scoring.boosted import TREES, _design, fit_boosted
from scoring.chances import fit_chances, folds_of, kind_of, model_of
from scoring.logistic import fit_logistic
from scoring.recipes import weights

NUMBERS, LEVELS = ("one", "other", "noise", "seldom"), ("plan",)


def examples(rule, rows=4000, seed=1):
    """Columns with holes and levels, and what a rule of log odds makes happen."""
    rng = np.random.default_rng(seed)
    columns = {name: rng.normal(size=rows) for name in NUMBERS}
    columns["seldom"][rng.random(rows) < 0.3] = np.nan
    columns["plan"] = rng.choice(np.array(["basic", "plus", "pro", None], dtype=object), rows)
    happened = (rng.random(rows) < 1 / (1 + np.exp(-rule(columns)))).astype(float)
    return columns, happened


def in_a_line(c):
    return 1.2 * c["one"] - 0.8 * c["other"] + (c["plan"] == "pro")


def only_together(c):
    return 3.0 * np.sign(c["one"] * c["other"]) - 1 + 2 * (c["plan"] == "pro") * np.isnan(c["seldom"])


def a_line_and_a_step(c):
    return 1.5 * c["one"] + 2.5 * (np.abs(c["other"]) > 1) - 1


@pytest.mark.parametrize(
    ("rule", "kinds"),
    [(in_a_line, {"logistic"}), (only_together, {"boosted"}), (a_line_and_a_step, {"mixed", "boosted"})],
)
def test_examples_decide_which_kind_tells_them(rule, kinds):
    columns, happened = examples(rule)
    fitted = fit_chances(columns, happened, NUMBERS, LEVELS)
    later, came = examples(rule, seed=2)
    judged = {
        who: quality(m.chances(later), came).auc
        for who, m in (("chosen", fitted.model), ("plain", fitted.plain), ("boosted", fitted.boosted))
    }

    assert kind_of(fitted.model.as_dict()) in kinds
    assert judged["chosen"] >= max(judged.values()) - 0.01
    if rule is only_together:
        assert judged["chosen"] > judged["plain"] + 0.2


def test_luck_and_few_examples_call_for_the_plain_kind():
    columns, happened = examples(lambda c: np.zeros(len(c["one"])))
    assert kind_of(fit_chances(columns, happened, NUMBERS, LEVELS).model.as_dict()) == "logistic"
    columns, happened = examples(only_together, rows=150)
    assert kind_of(fit_chances(columns, happened, NUMBERS, LEVELS).model.as_dict()) == "logistic"


def test_copies_and_rows_of_one_owner_do_not_tell_of_each_other():
    columns, happened = examples(in_a_line, rows=600)
    copied = {name: np.tile(values, 12) for name, values in columns.items()}
    noted = {name: np.concatenate([values, values[:50]]) for name, values in columns.items()}
    whose = np.array([f"c{n % 40}" for n in range(600)], dtype=object)

    # Trees know copies by heart: with them in both folds, they would seem to know everything.
    assert kind_of(fit_chances(copied, np.tile(happened, 12), NUMBERS, LEVELS).model.as_dict()) == "logistic"
    names = (*NUMBERS, *LEVELS)
    assert (folds_of(noted, names, 3)[600:] == folds_of(noted, names, 3)[:50]).all()
    folds = folds_of(columns, names, 3, whose)
    assert all(len(set(folds[whose == who])) == 1 for who in whose) and set(folds) == {0, 1, 2}
    backwards = folds_of({name: values[::-1] for name, values in columns.items()}, names, 3, whose[::-1])
    assert (backwards[::-1] == folds).all()


@pytest.mark.parametrize("rule", [in_a_line, only_together, a_line_and_a_step])
def test_what_is_kept_says_the_same(rule):
    columns, happened = examples(rule)
    model = fit_chances(columns, happened, NUMBERS, LEVELS).model
    again = model_of(json.loads(json.dumps(model.as_dict())))
    later, _ = examples(rule, seed=3)
    later["plan"][:5] = "never seen"

    assert again == model and again.version == model.version
    assert (again.chances(later) == model.chances(later)).all()
    assert fit_chances(columns, happened, NUMBERS, LEVELS).model == model


def test_trees_walk_as_those_of_the_library_do():
    from sklearn.ensemble import HistGradientBoostingClassifier

    columns, happened = examples(only_together)
    model = fit_boosted(columns, happened, NUMBERS, LEVELS)
    design = _design(columns, model.numbers, model.levels)
    library = HistGradientBoostingClassifier(**TREES, random_state=0).fit(design, happened)
    assert np.allclose(model.chances(columns), library.predict_proba(design)[:, 1], atol=1e-12)


def test_moves_add_up_and_name_what_counts():
    columns, happened = examples(only_together)
    model = fit_boosted(columns, happened, NUMBERS, LEVELS)
    names, moved = model.moves(columns)
    rest = model.log_odds(columns) - moved.sum(axis=1)
    strength = dict(zip(names, np.abs(moved).mean(axis=0), strict=True))

    assert names == (*NUMBERS, *LEVELS) and rest.std() < 1e-9
    assert min(strength["one"], strength["other"]) > 10 * strength["noise"]
    # Half of the rows have each sign, so what the pair moves is up for half of them.
    assert 0.4 < (moved[:, 0] + moved[:, 1] > 0).mean() < 0.6


@pytest.mark.parametrize("fit", [fit_logistic, fit_boosted])
def test_weights_have_the_sign_of_more(fit):
    columns, happened = examples(in_a_line)
    told = weights(fit(columns, happened, NUMBERS, LEVELS), columns)
    assert told["one"] > 0 > told["other"] and told["one"] > -told["other"] > 5 * abs(told["noise"])
    assert told["plan"] > 0 and set(told) == {*NUMBERS, *LEVELS}


def test_a_mixed_model_is_the_mean_of_both():
    columns, happened = examples(a_line_and_a_step)
    fitted = fit_chances(columns, happened, NUMBERS, LEVELS)
    mixed = model_of({"kind": "mixed", "plain": fitted.plain.as_dict(), "boosted": fitted.boosted.as_dict()})
    odds = [np.log(m.chances(columns) / (1 - m.chances(columns))) for m in (fitted.plain, fitted.boosted, mixed)]

    assert np.allclose((odds[0] + odds[1]) / 2, odds[2], atol=1e-9)
    assert mixed.numbers == NUMBERS and set(mixed.levels) == set(LEVELS)
    assert fitted.plain == fit_logistic(columns, happened, NUMBERS, LEVELS)
