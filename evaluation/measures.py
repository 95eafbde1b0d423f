"""How well scores agree with labels; each measure is of one day, and their mean is over days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from sklearn.metrics import ndcg_score, roc_auc_score

from arxiv_digest.models import Scored
from arxiv_digest.triage import cut
from evaluation.labels import Label

RESAMPLES = 2000

Measures = dict[str, float]
"""The measures of one day by name; one that the day cannot have is missing."""


class Mean(NamedTuple):
    """A mean over days with its 95 % bootstrap interval, the worst day, and how many there were."""

    mean: float
    low: float
    high: float
    worst: float
    days: int


def measure_day(
    labels: Sequence[Label], interest: Sequence[float], threshold: float, keep: float
) -> Measures:
    """The measures of one day's ranking; ``interest`` is the higher the better.

    ``auc`` is the area under the receiver operating characteristic of recommended papers,
    ``ndcg@10`` and ``ndcg@30`` gain a paper's labelled score. ``recall>=7`` and ``recall>=8`` are
    the shares of papers labelled so (7 standing for the threshold, 8 for one more) that are among
    the best-ranked share ``keep``.
    """
    values = np.array([label.value for label in labels])
    scores = np.array(interest, dtype=float)
    order = sorted(range(len(labels)), key=lambda position: -scores[position])
    kept = np.zeros(len(labels), dtype=bool)
    kept[list(cut(order, keep, 0.0, "").kept)] = True
    found: Measures = {}
    if 0 < (values >= threshold).sum() < len(values):
        found["auc"] = float(roc_auc_score(values >= threshold, scores))
    for best in (10, 30):
        if values.any() and len(values) > 1:
            found[f"ndcg@{best}"] = float(ndcg_score([values], [scores], k=best))
    for name, least in (("recall>=7", threshold), ("recall>=8", threshold + 1)):
        wanted = values >= least
        if wanted.any():
            found[name] = float(kept[wanted].mean())
    return found


def field_accuracy(
    labels: Sequence[Label], scored: Mapping[str, Scored], fields: Sequence[str]
) -> float | None:
    """The share of recommended papers, labelled with one of the fields, that got that field."""
    told = [
        (label.field, scored[label.id].field)
        for label in labels
        if label.field in fields and label.id in scored
    ]
    return sum(wanted == got for wanted, got in told) / len(told) if told else None


def jaccard(one: set[str], other: set[str]) -> float:
    """The share of papers that both of two selections have, of those that either has."""
    either = one | other
    return len(one & other) / len(either) if either else 1.0


def means(days: Sequence[Measures]) -> dict[str, Mean]:
    """The means of measures over days, each over the days that have it."""
    names = list(dict.fromkeys(name for day in days for name in day))
    return {name: _mean([day[name] for day in days if name in day]) for name in names}


def _mean(values: list[float]) -> Mean:
    # Days are drawn anew, not papers: those of one day share their subject and their labeller's
    # mood (Efron and Tibshirani, An Introduction to the Bootstrap, chapter 13).
    drawn = np.random.default_rng(0).choice(values, (RESAMPLES, len(values))).mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Mean(float(np.mean(values)), float(low), float(high), min(values), len(values))
