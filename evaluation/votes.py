"""A simulated reader: how many votes it takes until the next day's ranking is better."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from arxiv_digest.learning import Count
from arxiv_digest.local import SHARE, interest
from arxiv_digest.models import Choice, Vote
from arxiv_digest.profile import Profile
from arxiv_digest.voting import with_votes
from evaluation.labels import Label, LabelledDay
from evaluation.measures import Interval, area_under_curve, gains, over_days, recall_at
from evaluation.rolling import past_scores

VOTES = (0, 1, 2, 5, 10, 20, 30, 40, 50)
"""Numbers of votes that are compared; the first is none."""

SURE = 1.0
"""So far above the threshold a label has to be for the reader to ask for more like it."""


class Reader(StrEnum):
    """Whose votes are simulated: one of the language model's mind, or one who wants less.

    The second wants of what it recommends only the papers of every second field of the profile.
    """

    AGREES = "as the model"
    WANTS_LESS = "every second field"


CASES = ((Reader.AGREES, 0), (Reader.AGREES, 30), (Reader.WANTS_LESS, 30))
"""What is simulated: a reader, and days of a language model's scores beside the votes."""


class Voted(NamedTuple):
    """The rankings of ``days`` days after ``votes`` votes, beside ``history`` days of scores.

    The last two are what the votes changed, by the same days.
    """

    reader: Reader
    history: int
    votes: int
    days: int
    auc: Interval
    recall: Interval
    auc_change: Interval
    recall_change: Interval


def simulate_votes(
    days: Sequence[LabelledDay], tested: int, profile: Profile, keep: float, count: Count
) -> list[Voted]:
    """Rank each of the last ``tested`` days by the votes on the days before it.

    The reader is shown what stands recommended, since nothing else has a link: by the language
    model where it scores, else by the ranking by likeness alone. Votes are cast from the best paper
    on, on the newest days first: for more where a wanted paper's label is :data:`SURE` above the
    threshold, for less where the paper is not wanted. Of the others the reader says nothing. A day
    is measured by what the reader wants of it, and left out where fewer votes were cast before it.
    """
    places = [place for place in range(max(1, len(days) - tested), len(days)) if days[place].labels]
    found = []
    for reader, history in CASES:
        own = [_own(day, reader, profile) for day in days]
        orders = (
            _by_score(day, profile) if history else _by_likeness(day, profile, count)
            for day in days
        )
        said = [_said(day, order, profile) for day, order in zip(own, orders, strict=True)]
        without: dict[int, tuple[float, float]] = {}
        for votes in VOTES:
            rows: dict[int, tuple[float, float]] = {}
            for place in places:
                before = [vote for day in reversed(said[:place]) for vote in day][:votes]
                if len(before) < votes:
                    continue
                scores = past_scores(days[max(0, place - history) : place]) if history else []
                taught = with_votes(scores, before)
                ranking = interest(own[place].papers, profile, taught, count)
                labels = [label.score for label in own[place].labels]
                wanted = gains(labels, profile.minimum_score) >= 1
                rows[place] = (
                    area_under_curve(wanted, ranking),
                    recall_at(wanted, ranking, keep),
                )
            without = without or rows
            if rows:
                measured = np.array(list(rows.values()))
                changed = measured - np.array([without[place] for place in rows])
                intervals = [over_days(column) for column in (*measured.T, *changed.T)]
                found.append(Voted(reader, history, votes, len(rows), *intervals))
    return found


def enough(found: Sequence[Voted], measure: str) -> int | None:
    """From how many votes on a change of a measure is surely one for the better, of one case."""
    least = None
    for one in reversed(found):
        if not getattr(one, measure).low > 0:
            break
        least = one.votes
    return least


def _own(day: LabelledDay, reader: Reader, profile: Profile) -> LabelledDay:
    """The day as the reader would have labelled it."""
    if reader is Reader.AGREES:
        return day
    wanted = {field.name for field in profile.fields[::2]}
    labels = (one if one.field in wanted else Label(one.paper, None, None) for one in day.labels)
    return LabelledDay(day.date, tuple(labels))


def _by_likeness(day: LabelledDay, profile: Profile, count: Count) -> list[int]:
    """The places of the papers that likeness alone recommends, the best first."""
    order = np.argsort(-interest(day.papers, profile, (), count), kind="stable")
    return [int(place) for place in order[: math.ceil(SHARE * len(order))]]


def _by_score(day: LabelledDay, profile: Profile) -> list[int]:
    """The places of the papers that the language model recommends, the best first."""
    scores = [label.score or 0.0 for label in day.labels]
    found = [place for place, score in enumerate(scores) if score >= profile.minimum_score]
    return sorted(found, key=lambda place: -scores[place])


def _said(day: LabelledDay, shown: Sequence[int], profile: Profile) -> list[Vote]:
    """What the reader whose labels a day has says of the papers that are shown, in their order."""
    said = []
    for label in (day.labels[place] for place in shown):
        score = label.score or 0.0
        if profile.minimum_score <= score < profile.minimum_score + SURE:
            continue
        said.append(
            Vote(
                paper=label.paper,
                field=label.field,
                date=day.date,
                choice=Choice.MORE if score >= profile.minimum_score else Choice.LESS,
                version=1,
                cast_at=dt.datetime.combine(day.date, dt.time(), dt.UTC),
            )
        )
    return said
