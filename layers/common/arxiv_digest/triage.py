"""Which of a day's ranked papers are scored, and what an audit says about the others.

The best share of a ranking is kept. Of the rest a small random sample is scored anyway, and from
what is recommended among it follows how much triage loses.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import NamedTuple

from arxiv_digest.models import Audit, Recall

TAIL = 0.025
"""The probability left outside each end of an interval, which therefore holds 95 %."""


class Cut(NamedTuple):
    """A day after triage, as indices into its papers, each group in announcement order.

    ``ranks`` holds the rank of each paper, from 1, in the order of the papers.
    """

    kept: tuple[int, ...]
    audited: tuple[int, ...]
    dropped: tuple[int, ...]
    ranks: tuple[int, ...]


def cut(
    order: Sequence[int], keep: float, audit: float, seed: str, always: Collection[int] = ()
) -> Cut:
    """Cut a day below its best share, and draw the audit sample from the rest.

    ``order`` holds the papers' indices, best first. The best ``keep`` of them, rounded up, are
    kept, and so are those of ``always`` wherever they stand. The sample is a share ``audit`` of the
    others, drawn without looking at ranks. Its size is rounded up as often as its fraction says, so
    that the share is exact over many days. The same ``seed``, such as the date, draws the same
    sample.
    """
    # The little that is taken away keeps 0.07 · 100, which floating point puts above 7, at 7.
    best = math.ceil(keep * len(order) - 1e-9)
    below = sorted(set(order[best:]).difference(always))
    # An audit needs chance, no secrets.
    chance = random.Random(seed)  # noqa: S311 # nosec B311
    size = min(len(below), math.floor(audit * len(below) + chance.random()))
    audited = set(chance.sample(below, size))
    ranks = {paper: rank for rank, paper in enumerate(order, 1)}
    return Cut(
        kept=tuple(sorted(set(order).difference(below))),
        audited=tuple(sorted(audited)),
        dropped=tuple(paper for paper in below if paper not in audited),
        ranks=tuple(ranks[paper] for paper in range(len(order))),
    )


def recall(days: Iterable[Audit]) -> Recall:
    r"""Estimate the share of recommendations that triage keeps, pooled over days.

    With K recommendations above the cut and M below it the share is K / (K + M). Days on which all
    papers below the cut were scored add their M as it is. The others are pooled: of B papers below
    the cut A were drawn and x of them recommended, so M is estimated as x·B/A. Its interval holds
    every M for which x or less, and x or more, among A drawn from B has a probability above
    :data:`TAIL`. That is the interval of Clopper and Pearson (Biometrika 26, 1934) for draws
    without replacement (Buonaccorsi, The American Statistician 41, 1987). It covers at least 95 %,
    and more where each day is drawn from by itself, as here, which spreads less than one draw from
    all. Pooling takes the audited share to be the same on all of the days.

    Where nothing is recommended anywhere, the interval is from 0 to 1.
    """
    listed = list(days)
    kept = sum(day.kept_recommended for day in listed)
    known = sum(day.audited_recommended for day in listed if day.audited == day.below_cut)
    sampled = [day for day in listed if day.audited < day.below_cut]
    below = sum(day.below_cut for day in sampled)
    drawn = sum(day.audited for day in sampled)
    found = sum(day.audited_recommended for day in sampled)
    fewest, most = _recommended_below(below, drawn, found)
    missed = found * below / drawn if drawn else None if below else 0.0
    highest = _share(kept, known + fewest)
    return Recall(
        estimate=None if missed is None else _share(kept, known + missed),
        low=_share(kept, known + most) or 0.0,
        high=1.0 if highest is None else highest,
        days=len(listed),
        audited=sum(day.audited for day in listed),
    )


def opens(recall: Recall, floor: float) -> bool:
    """Whether triage has to open: it keeps less than ``floor`` for all that the audit can tell."""
    return recall.high < floor


def _share(kept: int, missed: float) -> float | None:
    return kept / (kept + missed) if kept + missed else None


def _recommended_below(below: int, drawn: int, found: int) -> tuple[int, int]:
    """The fewest and the most recommended papers among ``below`` that the draw allows."""
    least, greatest = found, below - (drawn - found)

    def likely_enough(total: int) -> bool:
        # By what is left of certainty: few of those drawn are recommended, so fewer terms are under
        # the count than from it on.
        return 1 - _tail(below, total, drawn, range(found)) > TAIL

    def too_unlikely(total: int) -> bool:
        return _tail(below, total, drawn, range(found + 1)) <= TAIL

    fewest = _first(least, greatest, likely_enough)
    most = _first(least, greatest + 1, too_unlikely) - 1
    return fewest, most


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """The first number from ``low`` on for which something holds, or else ``high``."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _tail(below: int, total: int, drawn: int, counts: Iterable[int]) -> float:
    """The probability that one of ``counts`` of the ``total`` is among ``drawn`` of ``below``."""
    all_draws = _log_choices(below, drawn)
    return math.fsum(
        math.exp(
            _log_choices(total, count) + _log_choices(below - total, drawn - count) - all_draws
        )
        for count in counts
        if count <= total and drawn - count <= below - total
    )


def _log_choices(among: int, chosen: int) -> float:
    return math.lgamma(among + 1) - math.lgamma(chosen + 1) - math.lgamma(among - chosen + 1)
