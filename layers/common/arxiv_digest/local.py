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
from arxiv_digest.models import Example, Paper, PastScore, Scored
from arxiv_digest.profile import Profile
from arxiv_digest.scoring import SENTENCE

SHARE = 0.2
"""The share of a day's papers that is given the profile's usual threshold of 7 or more."""

SECOND = 0.3
"""How much the second best field counts beside the best."""

NEAR = 0.6
"""From this share of the best field's likeness on, a paper belongs to a low-priority area: of 290
such papers on seven labelled days the reader's model had recommended five."""

NEARLY = 0.85
"""From this share of the best field's likeness on, one of the best papers of a day belongs to its
second field as well: one in eight on a day of 216 papers."""

BEHIND = 10.0
"""More than any two likenesses can differ by."""

ALIKE = 0.05
"""From this cosine on a paper is like an example: on a day of 216 papers a paper had 1.7 such."""

PULL = 12.0
"""What a cosine of 1 to an example counts, in normal scores of the day's ranking. The nearest paper
of a day, which has some 0.08, rises from its middle into its best fifth."""


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
    examples: Sequence[Example] = (),
) -> Likeness:
    """Likeness fused with what history teaches; likeness alone where history is empty.

    A paper like one of ``examples`` stands higher, or lower where less like it is wanted.

    History counts for a paper by how much it knows of the field that the paper is nearest to, so
    that a field that was added yesterday is ranked by its description. Both rankings are added as
    normal scores of their ranks.
    """
    found = _with_history(papers, profile, history, count)
    known = [example for example in examples if example.title]
    if not papers or not known:
        return found
    cosines = likeness_to_examples(papers, known, count)
    wanted = np.array([example.more for example in known])
    pull = cosines[:, wanted].max(axis=1, initial=0) - cosines[:, ~wanted].max(axis=1, initial=0)
    return found._replace(overall=normal_ranks(found.overall) + PULL * pull)


def likeness_to_examples(
    papers: Sequence[Paper], examples: Sequence[Example], count: Count = count_terms
) -> Matrix:
    """How like some examples papers are, 0 where that is less than :data:`ALIKE`.

    The values are cosines of the words that papers and examples are made of: (papers, examples).
    """
    texts = [text_of(paper) for paper in papers]
    cosines = similarities(count(WORDS, texts), count(WORDS, [text_of(one) for one in examples]))
    return np.where(cosines >= ALIKE, cosines, 0.0)


def with_nearest(papers: Sequence[Paper], examples: Sequence[Example]) -> tuple[Example, ...]:
    """The examples, each with the papers of the day that are like it, nearest first."""
    cosines = likeness_to_examples(papers, examples)
    return tuple(
        example.model_copy(
            update={
                "near": tuple(
                    papers[row].id for row in np.argsort(-column, kind="stable") if column[row] > 0
                )
                if example.title
                else ()
            }
        )
        for example, column in zip(examples, cosines.T, strict=True)
    )


def _with_history(
    papers: Sequence[Paper], profile: Profile, history: Sequence[PastScore], count: Count
) -> Likeness:
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
    examples: Sequence[Example] = (),
) -> Matrix:
    """How much a day's papers are wanted: (papers,), higher is better, of meaning within the day.

    Without ``history`` and ``examples`` it is similarity to the profile's fields alone. Papers of
    the day that stand in the history, too, are not learned from. The same arguments give the same
    values.
    """
    return fused(papers, profile, history, count, examples).overall


def score_day(
    papers: Sequence[Paper],
    profile: Profile,
    history: Sequence[PastScore] = (),
    count: Count = count_terms,
    examples: Sequence[Example] = (),
) -> dict[str, Scored]:
    """Score all papers of a day, by paper id.

    A score is the paper's place among the day's: the best :data:`SHARE` lie evenly between 7 and
    10, the others between 0 and 7, so that the only paper of a day stands in the middle. A paper
    that shares no word with any field has 0 and no field; one of the best that is nearly as like
    another field has both. The reason is the sentence of its
    abstract that is most like its field.
    """
    if not papers:
        return {}
    likenesses = fused(papers, profile, history, count, examples)
    places = np.argsort(np.argsort(-likenesses.overall, kind="stable"), kind="stable")
    ordered = np.argsort(-likenesses.by_field, axis=1, kind="stable")
    reasons = _telling_sentences(papers, profile, ordered[:, 0].tolist())
    scored: dict[str, Scored] = {}
    for number, paper in enumerate(papers):
        like = likenesses.by_field[number]
        first, second = (*ordered[number], None)[:2]
        related = bool(like[first] > 0)
        score = _score(int(places[number]), len(papers)) if related else 0.0
        both = score >= 7 and second is not None and like[second] >= NEARLY * like[first]
        scored[paper.id] = Scored(
            paper_id=paper.id,
            score=score,
            field=profile.fields[first].name if related else None,
            second_field=profile.fields[second].name if both else None,
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


def _telling_sentences(
    papers: Sequence[Paper], profile: Profile, fields: Sequence[int]
) -> list[str]:
    split = [SENTENCE.split(paper.abstract) for paper in papers]
    flat = [sentence for sentences in split for sentence in sentences]
    descriptions = [field.description for field in profile.fields]
    likeness_of = similarities(count_terms(WORDS, flat), count_terms(WORDS, descriptions))
    reasons: list[str] = []
    at = 0
    for sentences, field in zip(split, fields, strict=True):
        column = likeness_of[at : at + len(sentences), field]
        reasons.append(sentences[int(column.argmax())])
        at += len(sentences)
    return reasons
