"""Days ranked one after the other, each by what was known before it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from arxiv_digest.batches import make_batches
from arxiv_digest.learning import Count, Matrix
from arxiv_digest.local import fused
from arxiv_digest.models import PastScore, Scored, Tokens
from arxiv_digest.profile import Profile
from arxiv_digest.scoring import LanguageModelUnavailable, Prompt, Reply, score_papers
from evaluation.labels import LabelledDay
from evaluation.measures import area_under_curve, gains, ndcg, recall_at

SHARES = tuple(round(share / 20, 2) for share in range(1, 21))
"""The kept shares of the picture."""

TRIES = 4
"""How often a language model that is not available is asked for one batch."""

WAIT = 15.0
"""Seconds between them, where the provider names none."""

Say = Callable[[str], None]


class Ranking(NamedTuple):
    """What a scorer made of a day: ``scores`` and ``fields``, both (papers,); higher is better.

    ``selected`` holds the ids it recommends, none where it only ranks; ``failed`` counts papers
    without a score, which stand last.
    """

    scores: Matrix
    fields: tuple[str | None, ...]
    selected: frozenset[str] | None = None
    tokens: Tokens = Tokens()
    failed: int = 0


Ranker = Callable[[LabelledDay, Sequence[LabelledDay]], Ranking]
"""Ranks a day, given the labelled days of its history."""


class DayFigures(NamedTuple):
    """The measures of one day, by name, recall at each of :data:`SHARES`, and what was selected."""

    date: dt.date
    papers: int
    recommended: int
    measures: dict[str, float]
    recalls: tuple[float, ...]
    tokens: Tokens
    failed: int
    selected: frozenset[str] | None


def unread(days: Sequence[LabelledDay]) -> list[LabelledDay]:
    """The days without the papers that stand on an earlier one, as fetch leaves them out."""
    read: set[str] = set()
    left: list[LabelledDay] = []
    for day in days:
        left.append(day.without(read))
        read |= {paper.id for paper in day.papers}
    return left


def past_scores(days: Sequence[LabelledDay]) -> list[PastScore]:
    """Labelled days as history; what was not recommended has a score of 0."""
    return [
        PastScore(label.paper, label.score or 0.0, label.field, day.date)
        for day in days
        for label in day.labels
    ]


def lexical(profile: Profile, count: Count) -> Ranker:
    """The ranking of fetch and of the local scorer: likeness, fused with what history teaches."""

    def rank(day: LabelledDay, history: Sequence[LabelledDay]) -> Ranking:
        found = fused(day.papers, profile, past_scores(history), count)
        best = found.by_field.argmax(axis=1)
        return Ranking(found.overall, tuple(profile.fields[int(field)].name for field in best))

    return rank


def by_language_model(profile: Profile, ask: Callable[[Prompt], Reply], say: Say) -> Ranker:
    """The scores of a language model, batch by batch as the score function asks for them."""

    def rank(day: LabelledDay, _: Sequence[LabelledDay]) -> Ranking:
        scored: dict[str, Scored] = {}
        tokens = Tokens()
        batches = make_batches(day.date, day.papers, profile.papers_per_call)
        for batch in batches:
            say(f"{day.date}: batch {batch.number} of {len(batches)}")
            for attempt in range(1, TRIES + 1):
                try:
                    outcome = score_papers(batch.papers, profile, ask)
                except LanguageModelUnavailable as problem:
                    if attempt == TRIES:
                        raise
                    say(f"  {problem}; asking again")
                    time.sleep(problem.retry_after or WAIT)
                else:
                    break
            tokens += outcome.tokens
            scored |= {one.paper_id: one for one in outcome.outcomes if isinstance(one, Scored)}
        found = [scored.get(paper.id) for paper in day.papers]
        return Ranking(
            np.array([one.score if one else -1.0 for one in found]),
            tuple(one.field if one else None for one in found),
            frozenset(k for k, one in scored.items() if one.score >= profile.minimum_score),
            tokens,
            sum(one is None for one in found),
        )

    return rank


def measure(day: LabelledDay, ranking: Ranking, profile: Profile, keep: float) -> DayFigures:
    """Measure the ranking of one day against its labels.

    Field accuracy is the share of recommended papers whose label has one of the profile's fields
    and that were given the same.
    """
    threshold = profile.minimum_score
    scores = [label.score for label in day.labels]
    worth = gains(scores, threshold)
    recommended = worth >= 1
    strong = worth >= 2
    names = {field.name for field in profile.fields}
    right = [
        given == label.field
        for given, label, wanted in zip(ranking.fields, day.labels, recommended, strict=True)
        if wanted and label.field in names
    ]
    measures = {
        "auc": area_under_curve(recommended, ranking.scores),
        "ndcg@10": ndcg(worth, ranking.scores, 10),
        "ndcg@30": ndcg(worth, ranking.scores, 30),
        "recall": recall_at(recommended, ranking.scores, keep),
        "recall of the best": recall_at(strong, ranking.scores, keep),
        "field accuracy": sum(right) / len(right) if right else float("nan"),
    }
    recalls = tuple(recall_at(recommended, ranking.scores, share) for share in SHARES)
    return DayFigures(
        day.date,
        len(day.labels),
        int(recommended.sum()),
        measures,
        recalls,
        ranking.tokens,
        ranking.failed,
        ranking.selected,
    )


def roll(
    days: Sequence[LabelledDay],
    tested: int,
    history: int,
    rank: Ranker,
    profile: Profile,
    keep: float,
) -> list[DayFigures]:
    """Rank each of the last ``tested`` days by the ``history`` days before it, and measure it."""
    figures: list[DayFigures] = []
    for place in range(max(0, len(days) - tested), len(days)):
        known = days[max(0, place - history) : place] if history else []
        if days[place].labels:
            figures.append(measure(days[place], rank(days[place], known), profile, keep))
    return figures
