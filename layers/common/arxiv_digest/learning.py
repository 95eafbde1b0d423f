"""What a language model's past scores teach about the papers of a new day.

Logistic regressions on TF-IDF of words and pairs of words, with the likeness to the profile beside
them: one tells recommended papers from the others, and one for each field tells its papers from all
others. How these were chosen, and what did not help, is told in ``docs/evaluation.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from arxiv_digest.models import Paper, PastScore
from arxiv_digest.profile import Profile

HALF_LIFE = 30.0
"""Days after which a score counts half."""

STRONG = 1.5
"""How much more a paper counts that was scored a point or more above the threshold."""

SECOND = 0.3
"""How much the second best field counts beside the best."""

LEAST = 5
"""Papers that a class needs before it is learned."""

LIKENESS = 0.5
"""How much a standard deviation of likeness weighs beside a TF-IDF vector, whose length is 1."""

NEAR_NEW = 0.9
"""Beyond this quantile of likeness to a new field, a paper that an earlier profile left out teaches
nothing: nobody had asked for it."""

Vector = NDArray[np.float64]


class Learned(NamedTuple):
    """What was learned about some papers.

    ``interest`` (papers,) is the higher the likelier a paper is recommended; ``by_field`` has the
    probability (papers,) of each field that could be learned, by its name; ``examples`` is the
    number of recommended papers that taught it.
    """

    interest: Vector
    by_field: dict[str, Vector]
    examples: int


def text_of(paper: Paper) -> str:
    """What a paper is ranked by: its title, which counts twice, and its abstract."""
    return f"{paper.title}. {paper.title}. {paper.abstract}"


def learn(
    papers: Sequence[Paper], profile: Profile, history: Sequence[PastScore]
) -> Learned | None:
    """Learn from past scores about papers; none where there is too little to learn from.

    Papers that are ranked teach nothing about themselves.
    """
    ranked = {paper.id for paper in papers}
    past = [score for score in history if score.paper.id not in ranked]
    recommended = np.array([score.score >= profile.minimum_score for score in past], dtype=bool)
    if min(recommended.sum(), (~recommended).sum(), len(papers)) < LEAST:
        return None
    vectorizer = TfidfVectorizer(
        stop_words="english", ngram_range=(1, 2), sublinear_tf=True, min_df=2, dtype=np.float32
    )
    # Fitted to both: a word that was seen once before, and is there again, is worth knowing.
    texts = [text_of(paper) for paper in (*(score.paper for score in past), *papers)]
    vectors = vectorizer.fit_transform(texts)
    fields = vectorizer.transform(field.description for field in profile.fields)
    areas = vectorizer.transform(["", *profile.low_priority])
    alike = _alike(vectors, fields)
    likeness = overall(alike, _alike(vectors, areas).max(axis=1))
    likeness = LIKENESS * (likeness - likeness.mean()) / max(likeness.std(), 1e-9)
    vectors = csr_matrix(hstack([vectors, csr_matrix(likeness[:, None])]))
    seen, new = vectors[: len(past)], vectors[len(past) :]
    weights = _weights(past, profile)
    asked = _asked(past, alike[: len(past)], recommended, profile)
    interest = standardized(
        _fit(seen[asked], recommended[asked], weights[asked]).decision_function(new)
    )
    by_field = {}
    for field in profile.fields:
        members = recommended & np.array([score.field == field.name for score in past])
        if members.sum() >= LEAST:
            model = _fit(seen, members, weights)
            by_field[field.name] = np.asarray(model.predict_proba(new)[:, 1])
    if by_field:
        none_of_them = np.prod([1 - chance for chance in by_field.values()], axis=0)
        interest += standardized(np.log(1e-6 + 1 - none_of_them))
    return Learned(interest, by_field, int(recommended.sum()))


def new_fields(profile: Profile, history: Sequence[PastScore]) -> dict[str, float]:
    """The share of a history whose profile lacked a field, for each field that some lacked."""
    total = sum(1 for score in history if score.fields)
    lacked = {
        field.name: sum(1 for past in history if past.fields and field.name not in past.fields)
        for field in profile.fields
    }
    return {name: count / total for name, count in lacked.items() if count}


def standardized(values: Vector) -> Vector:
    """Values in standard deviations from their mean; zeros where all are the same."""
    deviation = values.std()
    return (values - values.mean()) / deviation if deviation > 0 else np.zeros_like(values)


def overall(by_field: Vector, low: Vector) -> Vector:
    """The likeness (papers,) of its parts: to fields (papers, fields), to low-priority areas."""
    ordered = np.sort(np.pad(by_field, ((0, 0), (1, 0))), axis=1)
    return np.asarray(ordered[:, -1] + SECOND * ordered[:, -2] - low)


def _alike(vectors: csr_matrix, others: csr_matrix) -> Vector:
    return np.asarray((vectors @ others.T).todense())


def _weights(past: Sequence[PastScore], profile: Profile) -> Vector:
    newest = max(score.date for score in past)
    return np.array(
        [
            score.weight
            * 0.5 ** ((newest - score.date).days / HALF_LIFE)
            * (STRONG if score.score >= profile.minimum_score + 1 else 1.0)
            for score in past
        ]
    )


def _asked(
    past: Sequence[PastScore], alike: Vector, recommended: NDArray[np.bool_], profile: Profile
) -> NDArray[np.bool_]:
    """Which past scores answer what the profile of today asks."""
    answers = np.ones(len(past), dtype=bool)
    for place, field in enumerate(profile.fields):
        lacked = np.array([bool(p.fields) and field.name not in p.fields for p in past])
        if lacked.any():
            near = alike[:, place] >= np.quantile(alike[:, place], NEAR_NEW)
            answers &= recommended | ~(lacked & near)
    return answers


def _fit(vectors: csr_matrix, members: NDArray[np.bool_], weights: Vector) -> LogisticRegression:
    model = LogisticRegression(C=3.0, solver="liblinear", class_weight="balanced", tol=1e-2)
    return model.fit(vectors, members, sample_weight=weights)
