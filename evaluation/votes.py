"""A simulated reader: how many votes it takes until the next day's ranking is better."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from arxiv_digest.learning import Count
from arxiv_digest.local import SHARE, interest
from arxiv_digest.models import Choice, Vote
from arxiv_digest.profile import Profile
from arxiv_digest.voting import with_votes
from evaluation.labels import LabelledDay
from evaluation.measures import Interval, area_under_curve, gains, over_days, recall_at
from evaluation.rolling import past_scores

VOTES = (0, 1, 2, 5, 10, 20, 50)
"""Numbers of votes that are compared; the first is none."""

HISTORIES = (0, 30)
"""Days of a language model's scores that there are beside the votes."""

SURE = 1.0
"""So far above the threshold a label has to be for the reader to ask for more like it."""


class Voted(NamedTuple):
    """The rankings of some days after ``votes`` votes, beside ``history`` days of scores.

    The last two are what the votes changed, by the same days.
    """

    history: int
    votes: int
    auc: Interval
    recall: Interval
    auc_change: Interval
    recall_change: Interval


def simulate_votes(
    days: Sequence[LabelledDay], tested: int, profile: Profile, keep: float, count: Count
) -> list[Voted]:
    """Rank each of the last ``tested`` days by the votes on the days before it.

    The reader is shown what the ranking by likeness alone recommends, and votes from the best on,
    on the newest days first: for more where the label is :data:`SURE`, for less where the paper is
    labelled as none to recommend. Of the others the reader says nothing.
    """
    places = [place for place in range(max(1, len(days) - tested), len(days)) if days[place].labels]
    shown = [_shown(day, profile, count) for day in days]
    found = []
    for history in HISTORIES:
        figures = {
            votes: np.array(
                [
                    _figures(days, place, history, shown, votes, profile, keep, count)
                    for place in places
                ]
            )
            for votes in VOTES
        }
        for votes, measured in figures.items():
            changed = measured - figures[VOTES[0]]
            auc, recall = (over_days(values) for values in measured.T)
            auc_change, recall_change = (over_days(values) for values in changed.T)
            found.append(Voted(history, votes, auc, recall, auc_change, recall_change))
    return found


def enough(found: Sequence[Voted], history: int, measure: str) -> int | None:
    """The least of the numbers of votes whose change of a measure is surely one for the better."""
    changes = ((one.votes, getattr(one, measure)) for one in found if one.history == history)
    return next((votes for votes, change in changes if change.low > 0), None)


def _figures(
    days: Sequence[LabelledDay],
    place: int,
    history: int,
    shown: Sequence[Sequence[Vote]],
    votes: int,
    profile: Profile,
    keep: float,
    count: Count,
) -> tuple[float, float]:
    day = days[place]
    scores = past_scores(days[max(0, place - history) : place]) if history else []
    cast = [vote for before in reversed(shown[:place]) for vote in before][:votes]
    ranking = interest(day.papers, profile, with_votes(scores, cast), count)
    recommended = gains([label.score for label in day.labels], profile.minimum_score) >= 1
    return area_under_curve(recommended, ranking), recall_at(recommended, ranking, keep)


def _shown(day: LabelledDay, profile: Profile, count: Count) -> list[Vote]:
    """What a reader says of the papers of a day, in the order in which they are shown."""
    if not day.labels:
        return []
    order = np.argsort(-interest(day.papers, profile, (), count), kind="stable")
    said = []
    for label in (day.labels[place] for place in order[: math.ceil(SHARE * len(order))]):
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
