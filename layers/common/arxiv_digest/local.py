"""The scorer that needs no language model: lexical similarity, and what past scores teach.

TF-IDF over words, and over character n-grams within them, of the whole day and the profile's
descriptions. A paper's likeness to a field is fused from both; what is likelier one of the
low-priority areas falls behind. Where a language model has scored earlier days, what
:mod:`arxiv_digest.learning` learns from them is fused with the likeness. Scores are places in the
day's ranking, since a likeness itself means nothing to a reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from arxiv_digest.learning import (
    PARTS,
    WORDS,
    Count,
    Matrix,
    count_terms,
    evidence,
    learn,
    normal_ranks,
    similarities,
    text_of,
    trust,
)
from arxiv_digest.models import Paper, PastScore, Scored
from arxiv_digest.profile import Profile
from arxiv_digest.scoring import SENTENCE

SHARE = 0.2
"""The share of a day's papers that is given the profile's usual threshold of 7 or more."""

SECOND = 0.3
"""How much the second best field counts beside the best."""

NEAR = 0.6
"""From this share of the best field's likeness on, a paper belongs to a low-priority area: of 290
such papers on seven labelled days the reader's model had recommended five."""

BEHIND = 10.0
"""More than any two likenesses can differ by."""


class Likeness(NamedTuple):
    """How like the fields papers are: ``overall`` (papers,) and ``by_field`` (papers, fields)."""

    overall: Matrix
    by_field: Matrix


def likeness(papers: Sequence[Paper], profile: Profile, count: Count = count_terms) -> Likeness:
    """Measure how like the profile's fields some papers are, from 0 to 1 a field.

    ``overall`` is the likeness to the best field, and a part of that to the second best, less that
    to the nearest low-priority area. A paper that is nearly as like such an area as any field
    stands behind all others. ``count`` counts terms.
    """
    texts = [text_of(paper) for paper in papers]
    wanted = [field.description for field in profile.fields]
    queries = [*wanted, *profile.low_priority]
    views = [similarities(count(view, texts), count(view, queries)) for view in (WORDS, PARTS)]
    alike = sum(view / max(view.max(initial=0.0), 1e-9) for view in views) / len(views)
    by_field = alike[:, : len(wanted)]
    low = alike[:, len(wanted) :].max(axis=1, initial=0.0)
    ordered = np.sort(np.pad(by_field, ((0, 0), (1, 0))), axis=1)
    best = ordered[:, -1]
    overall = best + SECOND * ordered[:, -2] - low
    return Likeness(overall - BEHIND * (low > NEAR * best), by_field)


def fused(
    papers: Sequence[Paper],
    profile: Profile,
    history: Sequence[PastScore] = (),
    count: Count = count_terms,
) -> Likeness:
    """Likeness fused with what history teaches; likeness alone where history is empty.

    History counts for a paper by how much it knows of the field that the paper is nearest to, so
    that a field that was added yesterday is ranked by its description. Both rankings are added as
    normal scores of their ranks.
    """
    alike = likeness(papers, profile, count)
    lesson = learn(papers, profile, history, count)
    if lesson is None:
        return alike
    known = trust(evidence(history, profile))
    learned = known[alike.by_field.argmax(axis=1)]
    overall = learned * normal_ranks(lesson.wanted) + (1 - learned) * normal_ranks(alike.overall)
    by_field = known * _spread(lesson.by_field) + (1 - known) * _spread(alike.by_field)
    return Likeness(overall, by_field)


def interest(
    papers: Sequence[Paper],
    profile: Profile,
    history: Sequence[PastScore] = (),
    count: Count = count_terms,
) -> Matrix:
    """How much a day's papers are wanted: (papers,), higher is better, of meaning within the day.

    Without ``history`` it is similarity to the profile's fields alone. Papers of the day that stand
    in the history, too, are not learned from. The same arguments give the same values.
    """
    return fused(papers, profile, history, count).overall


def score_day(
    papers: Sequence[Paper],
    profile: Profile,
    history: Sequence[PastScore] = (),
    count: Count = count_terms,
) -> dict[str, Scored]:
    """Score all papers of a day, by paper id.

    A score is the paper's place among the day's: the best :data:`SHARE` lie evenly between 7 and
    10, the others between 0 and 7, so that the only paper of a day stands in the middle. A paper
    that shares no word with any field has 0 and no field. The reason is the sentence of its
    abstract that is most like its field.
    """
    if not papers:
        return {}
    likenesses = fused(papers, profile, history, count)
    places = np.argsort(np.argsort(-likenesses.overall, kind="stable"), kind="stable")
    fields = likenesses.by_field.argmax(axis=1)
    reasons = _telling_sentences(papers, profile, fields)
    scored: dict[str, Scored] = {}
    for number, paper in enumerate(papers):
        related = bool(likenesses.by_field[number].max() > 0)
        field = profile.fields[int(fields[number])].name
        scored[paper.id] = Scored(
            paper_id=paper.id,
            score=_score(int(places[number]), len(papers)) if related else 0.0,
            field=field if related else None,
            reason=reasons[number],
        )
    return scored


def _score(place: int, papers: int) -> float:
    quantile = 1 - (place + 0.5) / papers
    top = 1 - SHARE
    raw = 7 + 3 * (quantile - top) / SHARE if quantile > top else 7 * quantile / top
    return round(raw, 1) if raw >= 7 else min(6.9, round(raw, 1))


def _spread(by_field: Matrix) -> Matrix:
    return by_field / max(float(by_field.std()), 1e-9)


def _telling_sentences(papers: Sequence[Paper], profile: Profile, fields: Matrix) -> list[str]:
    split = [SENTENCE.split(paper.abstract) for paper in papers]
    flat = [sentence for sentences in split for sentence in sentences]
    descriptions = [field.description for field in profile.fields]
    likeness_of = similarities(count_terms(WORDS, flat), count_terms(WORDS, descriptions))
    reasons: list[str] = []
    at = 0
    for sentences, field in zip(split, fields, strict=True):
        column = likeness_of[at : at + len(sentences), int(field)]
        reasons.append(sentences[int(column.argmax())])
        at += len(sentences)
    return reasons
