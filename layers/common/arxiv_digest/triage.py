"""Which papers of a ranked day are scored, and how what that leaves out is watched.

The best-ranked share of a day is kept. Of the papers below the cut a random sample, the audit, is
scored all the same: what it finds tells how much would be recommended of the rest.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from math import ceil, exp, lgamma, log, log1p
from typing import NamedTuple

from arxiv_digest.models import Audit, Recall

CONFIDENCE = 0.95


class Cut(NamedTuple):
    """A day parted by triage; papers are named by their positions in it.

    ``kept`` and ``dropped`` are in the order of the ranking, ``ranks`` has each paper's rank,
    from 1.
    """

    kept: tuple[int, ...]
    audited: tuple[int, ...]
    dropped: tuple[int, ...]
    ranks: tuple[int, ...]


def cut(order: Sequence[int], keep: float, audit: float, seed: str) -> Cut:
    """Part a day's papers, given as positions from the best-ranked on.

    ``keep`` and ``audit`` are shares: of the day, rounded up, and of the papers below the cut. The
    sample is drawn by ``seed`` alone, and rounded so that over many days its share is exact.
    """
    kept = ceil(keep * len(order) - 1e-9)
    below = order[kept:]
    draw = random.Random(f"audit {seed}")  # noqa: S311 # nosec B311 - nothing secret is drawn
    wanted = audit * len(below)
    size = int(wanted) + (draw.random() < wanted - int(wanted))
    audited = set(draw.sample(range(len(below)), size))
    ranks = [0] * len(order)
    for rank, position in enumerate(order, start=1):
        ranks[position] = rank
    return Cut(
        kept=tuple(order[:kept]),
        audited=tuple(position for place, position in enumerate(below) if place in audited),
        dropped=tuple(position for place, position in enumerate(below) if place not in audited),
        ranks=tuple(ranks),
    )


def recall(days: Iterable[Audit]) -> Recall:
    """The share of all recommendations that triage kept on some days, pooled.

    What an audit found below the cut is known. What the rest below it holds is estimated by the
    share that the samples found recommended, and bounded by the exact binomial interval of Clopper
    and Pearson (Biometrika 26, 1934, 404-413) for it; a day that was audited whole leaves no rest.
    """
    listed = list(days)
    kept = sum(day.kept_recommended for day in listed)
    found = sum(day.audited_recommended for day in listed)
    sampled = [day for day in listed if day.audited < day.below_cut]
    rest = sum(day.below_cut - day.audited for day in sampled)
    drawn = sum(day.audited for day in sampled)
    hits = sum(day.audited_recommended for day in sampled)
    least, most = _interval(hits, drawn)

    def share(rate: float) -> float | None:
        everything = kept + found + rest * rate
        return kept / everything if everything else None

    low, high = share(most), share(least)
    known = drawn or (listed and not rest)
    return Recall(
        estimate=share(hits / drawn if drawn else 0.0) if known else None,
        low=0.0 if low is None else low,
        high=1.0 if high is None else high,
        days=len(listed),
        audited=sum(day.audited for day in listed),
    )


def opens(kept: Recall, floor: float) -> bool:
    """Whether triage has to let everything pass: the audits are sure that it keeps too little."""
    return kept.high < floor


def _interval(hits: int, drawn: int) -> tuple[float, float]:
    """The bounds of a share of which ``hits`` of ``drawn`` are known; 0 and 1 where none is."""
    if not drawn:
        return 0.0, 1.0
    tail = (1 - CONFIDENCE) / 2

    def at_most(most: int, share: float) -> float:
        return sum(
            exp(
                lgamma(drawn + 1)
                - lgamma(count + 1)
                - lgamma(drawn - count + 1)
                + count * log(share)
                + (drawn - count) * log1p(-share)
            )
            for count in range(most + 1)
        )

    least = 0.0 if hits == 0 else _crossing(lambda share: 1 - at_most(hits - 1, share) < tail)
    most = 1.0 if hits == drawn else _crossing(lambda share: at_most(hits, share) > tail)
    return least, most


def _crossing(below: Callable[[float], bool]) -> float:
    """Where a condition that holds for small shares ceases to, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return low
