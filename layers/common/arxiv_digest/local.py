"""The scorer that needs no language model: lexical similarity between papers and fields.

TF-IDF over words, and over character n-grams within them, of the whole day and the profile's
descriptions. A paper's likeness to a field is fused from both; what is likelier one of the
low-priority areas falls behind. Scores are places in the day's ranking, since a likeness itself
means nothing to a reader.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from arxiv_digest.models import Paper, PastScore, Scored
from arxiv_digest.profile import Profile

SHARE = 0.2
"""The share of a day's papers that is given the profile's usual threshold of 7 or more."""

SECOND = 0.3
"""How much the second best field counts beside the best."""

NEAR = 0.6
"""From this share of the best field's likeness on, a paper belongs to a low-priority area: of 290
such papers on seven labelled days the reader's model had recommended five."""

BEHIND = 10.0
"""More than any two likenesses can differ by."""

_SENTENCE = re.compile(r"(?<=[a-z0-9\)\]$][.!?])\s+(?=[A-Z])")

Matrix = NDArray[np.float64]


class Likeness(NamedTuple):
    """How like the fields papers are: ``overall`` (papers,) and ``by_field`` (papers, fields)."""

    overall: Matrix
    by_field: Matrix


def likeness(papers: Sequence[Paper], profile: Profile) -> Likeness:
    """Measure how like the profile's fields some papers are, from 0 to 1 a field.

    The title counts twice. ``overall`` is the likeness to the best field, and a part of that to
    the second best, less that to the nearest low-priority area. A paper that is nearly as like
    such an area as any field stands behind all others.
    """
    texts = [f"{paper.title}. {paper.title}. {paper.abstract}" for paper in papers]
    wanted = [field.description for field in profile.fields]
    unwanted = list(profile.low_priority)
    views = [_similarities(vectorizer, texts, wanted + unwanted) for vectorizer in _vectorizers()]
    fused = sum(view / max(view.max(initial=0.0), 1e-9) for view in views) / len(views)
    by_field = fused[:, : len(wanted)]
    low = fused[:, len(wanted) :].max(axis=1, initial=0.0)
    ordered = np.sort(np.pad(by_field, ((0, 0), (1, 0))), axis=1)
    best = ordered[:, -1]
    overall = best + SECOND * ordered[:, -2] - low
    return Likeness(overall - BEHIND * (low > NEAR * best), by_field)


def interest(
    papers: Sequence[Paper], profile: Profile, history: Sequence[PastScore] = ()
) -> Matrix:
    """How likely papers are to be recommended, (papers,): the higher, the likelier."""
    del history
    return likeness(papers, profile).overall


def score_day(
    papers: Sequence[Paper], profile: Profile, history: Sequence[PastScore] = ()
) -> dict[str, Scored]:
    """Score all papers of a day, by paper id.

    A score is the paper's place among the day's: the best :data:`SHARE` lie evenly between 7 and
    10, the others between 0 and 7, so that the only paper of a day stands in the middle. A paper
    that shares no word with any field has 0 and no field. The reason is the sentence of its
    abstract that is most like its field.
    """
    if not papers:
        return {}
    likenesses = likeness(papers, profile)
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


def _vectorizers() -> tuple[TfidfVectorizer, ...]:
    words = TfidfVectorizer(stop_words="english", ngram_range=(1, 2), sublinear_tf=True)
    parts = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), sublinear_tf=True)
    return words, parts


def _similarities(vectorizer: Any, texts: list[str], queries: list[str]) -> Matrix:
    vectorizer.fit(texts + queries)
    product = vectorizer.transform(texts) @ vectorizer.transform(queries).T
    return np.asarray(product.todense())


def _telling_sentences(papers: Sequence[Paper], profile: Profile, fields: Matrix) -> list[str]:
    split = [_SENTENCE.split(paper.abstract) for paper in papers]
    flat = [sentence for sentences in split for sentence in sentences]
    words = TfidfVectorizer(stop_words="english", sublinear_tf=True)
    likeness_of = _similarities(words, flat, [field.description for field in profile.fields])
    reasons: list[str] = []
    at = 0
    for sentences, field in zip(split, fields, strict=True):
        column = likeness_of[at : at + len(sentences), int(field)]
        reasons.append(sentences[int(column.argmax())])
        at += len(sentences)
    return reasons
