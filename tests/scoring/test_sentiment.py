"""Sentiment: the shipped head on sentences it never saw, both languages, each text once, and the lexicon where vectors cannot be made."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from scoring import sentiment
from scoring.sentiment import blended_chances, judged_once, lexicon_chance, sentiment_label, text_hash, vectors
from warehouse.duck import connect

GOOD = [
    "Todo perfecto, muy contenta con la compra.",
    "Excelente atención, llegó a tiempo.",
    "Love it, will buy again!",
    "Great service, thank you.",
]
BAD = [
    "Llevo tres semanas esperando y nadie me responde.", "Llegó roto y no me devuelven el dinero.", "Me cobraron dos veces, exijo una solución.",
    "Terrible support, nobody answers.", "Arrived broken and no refund.",
]  # fmt: skip


@pytest.mark.slow
def test_the_shipped_head_is_right_about_sentences_it_never_saw(workspace, shared_data, figure):
    rows = list(
        csv.DictReader((shared_data / "analytics" / "sentiment_en_uci" / "sentences.csv").open(encoding="utf-8"))
    )
    # The head learnt from the others: every third sentence was kept from it.
    unseen = rows[::3]
    texts, labels = [r["text"] for r in unseen], np.array([float(r["label"]) for r in unseen])
    right = (blended_chances(texts, vectors(texts)) >= 0.5) == labels
    words = (np.array([lexicon_chance(t) for t in texts]) > 0.5) == labels
    figure(
        f"Sentiment, {len(texts):,} unseen sentences: {right.mean():.1%} right, the lexicon alone {words.mean():.1%}"
    )
    assert right.mean() >= 0.92


def test_spanish_is_understood_though_the_head_learnt_english(workspace):
    chances = blended_chances(GOOD + BAD, vectors(GOOD + BAD))
    assert [sentiment_label(c) for c in chances] == ["positive"] * len(GOOD) + ["negative"] * len(BAD)


def test_a_text_is_judged_once_and_known_by_its_hash(workspace, monkeypatch):
    first = judged_once([*GOOD, *BAD, *GOOD])
    assert first.num_rows == len(GOOD) + len(BAD)
    assert first["text_hash"].to_pylist() == sorted(text_hash(t) for t in GOOD + BAD)
    assert connect(":memory:").execute("SELECT md5(?)", [GOOD[0]]).fetchall()[0][0] == text_hash(GOOD[0])
    monkeypatch.setattr(sentiment, "vectors", lambda texts: pytest.fail("judged again"))
    assert judged_once([*GOOD, *BAD]).equals(first)


def test_the_lexicon_judges_where_settings_ask_for_it_and_says_so(workspace, monkeypatch):
    monkeypatch.setenv("CDP_SENTIMENT", "lexicon")
    found = judged_once(["No me gusta, muy malo", "Muy bueno, gracias", "not good at all", "Mesa"])
    by_hash = dict(zip(found["text_hash"].to_pylist(), found["sentiment"].to_pylist(), strict=True))
    assert set(found["model_version"].to_pylist()) == {"lexicon-1"}
    said = [by_hash[text_hash(t)] for t in ("No me gusta, muy malo", "Muy bueno, gracias", "not good at all", "Mesa")]
    assert said == ["negative", "positive", "negative", "neutral"]
