"""Measures of one day's ranking against its labels, and their mean over days."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence, Set
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap
from sklearn.metrics import ndcg_score, roc_auc_score

from arxiv_digest.learning import Matrix

RESAMPLES = 2000


class Interval(NamedTuple):
    """A mean over days with its 95 % bootstrap interval, and the worst day; NaN without any day."""

    mean: float
    low: float
    high: float
    worst: float


def gains(scores: Sequence[float | None], threshold: float) -> Matrix:
    """What labels are worth: 1 at the threshold, 1 more a point above it, 0 below it: (papers,)."""
    return np.array(
        [max(0.0, score - threshold + 1) if score is not None else 0.0 for score in scores]
    )


def area_under_curve(recommended: NDArray[np.bool_], ranking: Matrix) -> float:
    """How often a recommended paper ranks above another one; NaN where there is only one kind."""
    if recommended.all() or not recommended.any():
        return float("nan")
    return float(roc_auc_score(recommended, ranking))


def ndcg(worth: Matrix, ranking: Matrix, best: int) -> float:
    """Normalized discounted cumulative gain of the first ``best`` places; NaN without any gain.

    Ties share their places (Järvelin and Kekäläinen, ACM TOIS 20, 2002; scikit-learn).
    """
    if not worth.any() or len(worth) < 2:
        return float("nan")
    return float(ndcg_score([worth], [ranking], k=best))


def recall_at(wanted: NDArray[np.bool_], ranking: Matrix, keep: float) -> float:
    """The share of wanted papers among the best ``keep`` of a day; NaN where none is wanted.

    The number kept is rounded up, as in :func:`arxiv_digest.triage.cut`.
    """
    if not wanted.any():
        return float("nan")
    kept = np.argsort(-ranking, kind="stable")[: int(np.ceil(keep * len(ranking) - 1e-9))]
    return float(wanted[kept].sum() / wanted.sum())


def jaccard(first: Set[str], second: Set[str]) -> float:
    """How far two selections are the same: common papers by papers in either; 1 if both are empty.

    >>> jaccard({"a", "b"}, {"b", "c"})
    0.3333333333333333
    """
    either = first | second
    return len(first & second) / len(either) if either else 1.0


def over_days(values: Sequence[float]) -> Interval:
    """The mean of a measure over days; days without a value are left out.

    The interval is that of the percentile bootstrap over days (Efron, Annals of Statistics 7,
    1979), with the same resamples each time.
    """
    known = np.array([value for value in values if not np.isnan(value)])
    if not len(known):
        return Interval(*[float("nan")] * 4)
    worst = float(known.min())
    return _resampled(lambda chosen, axis: chosen.mean(axis=axis), (known,), worst)


def over_papers(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> Interval:
    """The Jaccard of two selections of the same papers (papers,), by a bootstrap over papers."""

    def same(one: NDArray[np.bool_], other: NDArray[np.bool_], axis: int) -> Matrix:
        either = (one | other).sum(axis=axis)
        return np.asarray((one & other).sum(axis=axis) / np.maximum(either, 1))

    return _resampled(same, (first, second), float("nan"))


def _resampled(
    statistic: Callable[..., Any], samples: tuple[NDArray[Any], ...], worst: float
) -> Interval:
    value = float(statistic(*samples, axis=0))
    if len(samples[0]) < 2:
        return Interval(value, float("nan"), float("nan"), worst)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # days that are all alike have an interval of no width
        found = bootstrap(
            samples,
            statistic,
            n_resamples=RESAMPLES,
            method="percentile",
            paired=True,
            random_state=0,
        ).confidence_interval
    return Interval(value, float(found.low), float(found.high), worst)
