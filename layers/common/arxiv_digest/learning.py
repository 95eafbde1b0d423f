"""What a language model's past scores teach about the papers of a new day.

Ridge regression on TF-IDF of words and pairs of words: one output for how much a paper is wanted
and one for each field. It stands in for logistic regression, which ranks no better here and takes
many times as long (docs/evaluation.md has the figures).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from scipy.special import ndtri
from scipy.stats import rankdata
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import Ridge

from arxiv_digest.models import Example, Paper, PastScore
from arxiv_digest.profile import Profile

WORDS = "words"
"""The view of a text as words and pairs of words."""

PARTS = "parts"
"""The view of a text as character n-grams within words."""

LEARNED_VIEW = WORDS
"""The view that is learned from; character n-grams take far longer and rank no better."""

HALF_LIFE = 15.0
"""Days after which a past score counts half."""

NEAR_MISS = 3.0
"""From this far below the threshold on, a past score is a step towards being wanted."""

SHRINKAGE = 1.0
"""Ridge regression's penalty; between 0.5 and 2 it makes no difference."""

FIELD_EVIDENCE = 13.0
"""Recommended papers of a field from which on history counts as much as likeness."""

AKIN = 0.5
"""From this share of its greatest likeness on, a paper may belong to another field as well."""

TERMS = 2**20
"""Columns that terms are hashed into; a month has a quarter of a million that are not rare."""

RARE = 2
"""Papers in which a term has to stand to be learned from."""

UNSEEN = 0.1
"""How much each paper of a day counts as unwanted, where nothing but votes is known."""

Matrix = NDArray[np.float64]
Count = Callable[[str, Sequence[str]], csr_matrix]
"""Counts terms: a view's name and texts to a sparse matrix (texts, terms)."""

_VIEWS: Mapping[str, Mapping[str, Any]] = {
    WORDS: {"stop_words": "english", "ngram_range": (1, 2)},
    PARTS: {"analyzer": "char_wb", "ngram_range": (3, 5)},
}


class Lesson(NamedTuple):
    """What history expects of a day: ``wanted`` (papers,), ``by_field`` (papers, fields)."""

    wanted: Matrix
    by_field: Matrix


def text_of(paper: Paper | Example) -> str:
    """The text a paper is judged by; its title counts twice."""
    return f"{paper.title}. {paper.title}. {paper.abstract}"


def count_terms(view: str, texts: Sequence[str]) -> csr_matrix:
    """Count the terms of some texts in one view: (texts, :data:`TERMS`).

    Terms are hashed, so that the counts of a text depend on nothing but itself.
    """
    if not texts:
        return csr_matrix((0, TERMS), dtype=np.float32)
    if view == PARTS:
        return _count_parts(texts)
    return csr_matrix(_vectorizer(view).transform(texts))


@cache
def _vectorizer(view: str) -> HashingVectorizer:
    # Kept, since making one takes longer than counting the words of a description.
    return HashingVectorizer(
        n_features=TERMS, norm=None, alternate_sign=False, dtype=np.float32, **_VIEWS[view]
    )


def _count_parts(texts: Sequence[str]) -> csr_matrix:
    # No part reaches over a word's end, so each of a day's words is taken apart once, and not as
    # often as it stands there, which is five times on average.
    vectorizer = _vectorizer(PARTS)
    lowered = vectorizer.build_preprocessor()
    numbers: dict[str, int] = {}
    rows = [
        [numbers.setdefault(word, len(numbers)) for word in lowered(text).split()] for text in texts
    ]
    if not numbers:
        return csr_matrix((len(texts), TERMS), dtype=np.float32)
    columns = np.array([number for row in rows for number in row], dtype=np.int32)
    ends = np.cumsum([0, *map(len, rows)], dtype=np.int32)
    ones = np.ones(len(columns), dtype=np.float32)
    words = csr_matrix((ones, columns, ends), shape=(len(texts), len(numbers)))
    parts, columns = _used(csr_matrix(vectorizer.transform(list(numbers))))
    counts = csr_matrix(words @ parts)
    counts.sort_indices()
    return csr_matrix((counts.data, columns[counts.indices], counts.indptr), (len(texts), TERMS))


def weigh(counts: csr_matrix, rarest: int = 1) -> csr_matrix:
    """TF-IDF with sublinear counts, of the terms that stand in at least ``rarest`` of the texts."""
    kept, _ = _used(counts)
    if rarest > 1:
        standing_in = np.bincount(kept.indices, minlength=kept.shape[1])
        # The most frequent first, so that what learns goes back and forth over few places.
        order = np.argsort(-standing_in, kind="stable")
        kept = kept[:, order[: np.count_nonzero(standing_in >= rarest)]]
    if not kept.shape[1]:
        return kept  # which scikit-learn refuses
    return csr_matrix(TfidfTransformer(sublinear_tf=True).fit_transform(kept))


def _used(counts: csr_matrix) -> tuple[csr_matrix, NDArray[np.int32]]:
    """Counts without the columns in which nothing stands, and the numbers of those that are left.

    A table of a million columns would be cleared and gone through for the few terms of a small
    day. Here only what is used of it is written, and a column is told by the last that stands in
    it.
    """
    places = np.arange(counts.nnz, dtype=np.int32)
    table = np.empty(counts.shape[1], dtype=np.int32)
    table[counts.indices] = places
    columns = np.sort(counts.indices[table[counts.indices] == places])
    table[columns] = np.arange(len(columns), dtype=np.int32)
    shape = (counts.shape[0], len(columns))
    return csr_matrix((counts.data, table[counts.indices], counts.indptr), shape), columns


def similarities(counts: csr_matrix, queries: csr_matrix) -> Matrix:
    """The cosines of TF-IDF between texts and queries, by their counts: (texts, queries)."""
    weighed = weigh(vstack([counts, queries], format="csr"))
    texts = counts.shape[0]
    return np.asarray((weighed[:texts] @ weighed[texts:].T).toarray(), dtype=np.float64)


def normal_ranks(values: Matrix) -> Matrix:
    """Values of a day as normal scores of their ranks, so that two rankings can be added.

    Equal values share the mean of their ranks.
    """
    return np.asarray(ndtri((rankdata(values) - 0.5) / len(values)), dtype=np.float64)


def evidence(history: Sequence[PastScore], profile: Profile) -> Matrix:
    """How many recommended papers history has of each of the profile's fields: (fields,)."""
    found = [past.field for past in history if past.score >= profile.threshold(past.field)]
    return np.array([found.count(field.name) for field in profile.fields], dtype=np.float64)


def trust(recommended: Matrix) -> Matrix:
    """How much history counts beside likeness, from 0 to 1, by the recommended papers in it."""
    return 1 - 1 / (1 + np.sqrt(recommended / FIELD_EVIDENCE))


def degree(score: float, threshold: float) -> float:
    """How much a score says that a paper is wanted: 1 at the threshold, 0 from three below it."""
    return max(0.0, score - threshold + NEAR_MISS) / NEAR_MISS


def learn(
    papers: Sequence[Paper],
    profile: Profile,
    history: Sequence[PastScore],
    count: Count = count_terms,
) -> Lesson | None:
    """Learn from past scores what a day's papers are worth; none where there is nothing to learn.

    Left out of the training are the day's own papers, recommendations for a field that the profile
    no longer has, and what :func:`_asked` says nobody was asked about. Readers vote on what
    they are shown, so where there are only votes the day's own papers stand for all the rest.
    """
    ids = {paper.id for paper in papers}
    names = [field.name for field in profile.fields]
    past = [
        one
        for one in history
        if one.paper.id not in ids
        and (one.score < profile.minimum_score or one.field is None or one.field in names)
    ]
    if not papers or not any(one.score >= profile.threshold(one.field) for one in past):
        return None
    counts = count(LEARNED_VIEW, [text_of(one.paper) for one in past])
    asked = _asked(past, profile, counts, count)
    past = [one for one, was_asked in zip(past, asked, strict=True) if was_asked]
    both = vstack(
        [counts[asked], count(LEARNED_VIEW, [text_of(paper) for paper in papers])], format="csr"
    )
    terms = weigh(both, RARE)
    if not terms.shape[1]:
        return None
    only_votes = all(one.voted for one in past)
    unseen = len(papers) if only_votes else 0
    targets = np.zeros((len(past) + unseen, 1 + len(names)))
    for row, one in enumerate(past):
        targets[row, 0] = degree(one.score, profile.threshold(one.field))
        if one.field in names:
            targets[row, 1 + names.index(one.field)] = targets[row, 0]
    newest = max(one.date for one in past)
    weights = [one.weight * 0.5 ** ((newest - one.date).days / HALF_LIFE) for one in past]
    weights += [UNSEEN] * unseen
    model = Ridge(alpha=SHRINKAGE, solver="sparse_cg", tol=1e-3)
    model.fit(terms[: len(targets)], targets, sample_weight=np.array(weights))
    expected = np.asarray(model.predict(terms[len(past) :]), dtype=np.float64)
    by_field = expected[:, 1:]
    # A paper clearly of one field and one a bit of several are wanted alike; the best field's
    # output finds the first, the common output the second.
    wanted = normal_ranks(expected[:, 0]) + normal_ranks(by_field.max(axis=1))
    return Lesson(wanted, by_field)


def _asked(
    past: Sequence[PastScore], profile: Profile, counts: csr_matrix, count: Count
) -> NDArray[np.bool_]:
    """Which past scores were given when the profile had every field that the paper is akin to.

    A field is taken to be as old as its first recommendation. A low score from before that says
    nothing about the field: nobody had asked for it.
    """
    oldest = min(one.date for one in past)
    since = [
        min((one.date for one in past if one.field == field.name), default=dt.date.max)
        for field in profile.fields
    ]
    asked = np.ones(len(past), dtype=np.bool_)
    if all(date == oldest for date in since):
        return asked
    queries = count(LEARNED_VIEW, [field.description for field in profile.fields])
    alike = similarities(counts, queries)
    akin = alike >= AKIN * alike.max(axis=1, keepdims=True)
    for row, one in enumerate(past):
        born = max(date for date, is_akin in zip(since, akin[row], strict=True) if is_akin)
        wanted = one.score >= profile.threshold(one.field)
        asked[row] = one.voted or wanted or one.date >= born
    return asked
