"""Simulations of what triage does to its own history, and of a profile that changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from arxiv_digest.learning import Count
from arxiv_digest.local import interest
from arxiv_digest.models import Audit, PastScore, Recall
from arxiv_digest.profile import Profile
from arxiv_digest.triage import cut, recall
from evaluation.labels import Label, LabelledDay
from evaluation.measures import area_under_curve, gains, recall_at
from evaluation.rolling import past_scores

Lesson = Literal["everything", "weighted", "unweighted", "kept only", "pseudo-labels"]
LESSONS: tuple[Lesson, ...] = ("everything", "weighted", "unweighted", "kept only", "pseudo-labels")
"""What history teaches: all scores as though triage were off; the kept and the audited, the audited
with the weight of the dropped they stand for, or without; the kept alone; the dropped as well, as
though they had been scored 0."""

HISTORY = 30
"""Days of history, as fetch reads."""

AFTER = (1, 3, 7)
"""Days after a profile's change at which it is looked at."""


class Loop(NamedTuple):
    """A simulated run of triage, by day: area under the curve, recall, and of the best papers.

    ``estimate`` is what the audits of the last 30 days say of recall, ``truth`` what it was.
    """

    lesson: Lesson
    auc: list[float]
    recall: list[float]
    best: list[float]
    estimate: Recall
    truth: float


class Change(NamedTuple):
    """Papers of an added field, so many days after: how many of them half the day's best hold."""

    day: int
    papers: int
    kept: int
    kept_by_likeness: int
    kept_if_always_there: int


def simulate(
    days: Sequence[LabelledDay],
    tested: int,
    lesson: Lesson,
    profile: Profile,
    keep: float,
    audit: float,
    count: Count,
) -> Loop:
    """Run triage from the first day on, each day taught by what it scored itself."""
    history: list[list[PastScore]] = []
    audits: list[Audit] = []
    loop = Loop(lesson, [], [], [], recall(()), float("nan"))
    missed = 0
    for place, day in enumerate(days):
        past = [one for scored in history[-HISTORY:] for one in scored]
        ranking = interest(day.papers, profile, past, count)
        made = cut(np.argsort(-ranking, kind="stable").tolist(), keep, audit, str(day.date))
        worth = gains([label.score for label in day.labels], profile.minimum_score)
        history.append(_taught(day, made.kept, made.audited, made.dropped, lesson))
        recommended = worth >= 1
        below = (*made.audited, *made.dropped)
        audits.append(
            Audit(
                kept_recommended=int(recommended[list(made.kept)].sum()),
                below_cut=len(below),
                audited=len(made.audited),
                audited_recommended=int(recommended[list(made.audited)].sum()),
            )
        )
        if place >= len(days) - HISTORY:
            missed += int(recommended[list(below)].sum())
        if place >= len(days) - tested:
            loop.auc.append(area_under_curve(recommended, ranking))
            loop.recall.append(recall_at(recommended, ranking, keep))
            loop.best.append(recall_at(worth >= 2, ranking, keep))
    kept = sum(seen.kept_recommended for seen in audits[-HISTORY:])
    truth = kept / (kept + missed) if kept + missed else float("nan")
    return loop._replace(estimate=recall(audits[-HISTORY:]), truth=truth)


def _taught(
    day: LabelledDay,
    kept: Sequence[int],
    audited: Sequence[int],
    dropped: Sequence[int],
    lesson: Lesson,
) -> list[PastScore]:
    below = len(audited) + len(dropped)
    share = below / len(audited) if audited else 1.0
    taught = past_scores([day])
    if lesson == "everything":
        return taught
    learned = [taught[paper] for paper in kept]
    if lesson == "kept only":
        return learned
    weight = share if lesson == "weighted" else 1.0
    learned += [taught[paper]._replace(weight=weight) for paper in audited]
    if lesson == "pseudo-labels":
        learned += [taught[paper]._replace(score=0.0, field=None) for paper in dropped]
    return learned


def add_fields(
    days: Sequence[LabelledDay], tested: int, profile: Profile, keep: float, count: Count
) -> list[Change]:
    """Add each field to a profile that did not have it, at two places in the last days.

    The days before were scored without the field: its recommendations stand there with a score of
    0. The days after have it. Compared with likeness alone, and with a history that always had it.
    """
    starts = [len(days) - tested, len(days) - max(AFTER)]
    changes = {after: Change(after, 0, 0, 0, 0) for after in AFTER}
    for start in sorted({max(1, start) for start in starts}):
        for after in AFTER:
            place = start + after - 1
            if place >= len(days):
                continue
            day = days[place]
            known = days[max(0, place - HISTORY) : place]
            alike = interest(day.papers, profile, (), count)
            always = interest(day.papers, profile, past_scores(known), count)
            for field in profile.fields:
                wanted = np.array(
                    [
                        label.field == field.name and (label.score or 0) >= profile.minimum_score
                        for label in day.labels
                    ]
                )
                lacking = [
                    _without(one, field.name) if one.date < days[start].date else one
                    for one in known
                ]
                found = interest(day.papers, profile, past_scores(lacking), count)
                size = int(wanted.sum())
                kept = [
                    round(recall_at(wanted, ranking, keep) * size) if size else 0
                    for ranking in (found, alike, always)
                ]
                was = changes[after]
                changes[after] = Change(
                    after,
                    was.papers + size,
                    was.kept + kept[0],
                    was.kept_by_likeness + kept[1],
                    was.kept_if_always_there + kept[2],
                )
    return list(changes.values())


def _without(day: LabelledDay, field: str) -> LabelledDay:
    return LabelledDay(
        day.date,
        tuple(
            Label(label.paper, None, None) if label.field == field else label
            for label in day.labels
        ),
    )
