"""The scorer that needs no language model: lexical similarity between papers and fields.

Where a language model has scored earlier days, what its scores teach is fused with that.

TF-IDF over words, and over character n-grams within them, of the whole day and the profile's
descriptions. A paper's likeness to a field is fused from both; what is likelier one of the
low-priority areas falls behind. Scores are places in the day's ranking, since a likeness itself
means nothing to a reader.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from arxiv_digest.learning import learn, new_fields, overall, standardized, text_of
from arxiv_digest.models import Paper, PastScore, Scored
from arxiv_digest.profile import Profile
from arxiv_digest.scoring import SENTENCE

SHARE = 0.2
"""The share of a day's papers that is given the profile's usual threshold of 7 or more."""

NEAR = 0.6
"""From this share of the best field's likeness on, a paper belongs to a low-priority area: of 290
such papers on seven labelled days the reader's model had recommended five."""

EXAMPLES = 200
"""With so many recommended papers in the history, what they teach and likeness weigh the same."""

NEW_FIELD = 1.0
"""From so many standard deviations of likeness on, a paper is taken to belong to a new field."""

BEHIND = 10.0
"""More than any two likenesses can differ by."""

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
    texts = [text_of(paper) for paper in papers]
    wanted = [field.description for field in profile.fields]
    unwanted = list(profile.low_priority)
    views = [_similarities(vectorizer, texts, wanted + unwanted) for vectorizer in _vectorizers()]
    fused = sum(view / max(view.max(initial=0.0), 1e-9) for view in views) / len(views)
    by_field = fused[:, : len(wanted)]
    low = fused[:, len(wanted) :].max(axis=1, initial=0.0)
    behind = BEHIND * (low > NEAR * by_field.max(axis=1, initial=0.0))
    return Likeness(overall(by_field, low) - behind, by_field)


def interest(
    papers: Sequence[Paper], profile: Profile, history: Sequence[PastScore] = ()
) -> Matrix:
    """How likely papers are to be recommended, (papers,): the higher, the likelier.

    Likeness to the profile and what the history of a language model's scores teaches are fused, the
    latter weighing more the more papers it recommended. A field that the profile did not have for
    all of the history is asked for by likeness as well, the more so the newer it is.
    """
    return _ranking(papers, profile, history)[0]


def _ranking(
    papers: Sequence[Paper], profile: Profile, history: Sequence[PastScore]
) -> tuple[Matrix, Matrix]:
    """The interest (papers,) and what it is founded on for each field (papers, fields)."""
    likenesses = likeness(papers, profile)
    learned = learn(papers, profile, history) if history else None
    if learned is None:
        return likenesses.overall, likenesses.by_field
    trust = learned.examples / (learned.examples + EXAMPLES)
    alike = standardized(likenesses.overall)
    fused = trust * standardized(learned.interest) + (1 - trust) * alike
    by_field = likenesses.by_field.copy()
    for place, field in enumerate(profile.fields):
        chance = learned.by_field.get(field.name)
        if chance is not None:
            by_field[:, place] = trust * chance + (1 - trust) * by_field[:, place]
    for name, share in new_fields(profile, history).items():
        place = [field.name for field in profile.fields].index(name)
        of_field = standardized(likenesses.by_field[:, place])
        fused = np.maximum(fused, np.where(of_field > NEW_FIELD, share * of_field, -np.inf))
    return fused, by_field


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
    interests, by_field = _ranking(papers, profile, history)
    places = np.argsort(np.argsort(-interests, kind="stable"), kind="stable")
    fields = by_field.argmax(axis=1)
    reasons = _telling_sentences(papers, profile, fields)
    scored: dict[str, Scored] = {}
    for number, paper in enumerate(papers):
        related = bool(by_field[number].max() > 0)
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
    split = [SENTENCE.split(paper.abstract) for paper in papers]
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
