"""The ranking with one of its decisions taken back, or another put in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, Ridge

from arxiv_digest import learning, local
from arxiv_digest.learning import Matrix, trust
from arxiv_digest.models import Paper, PastScore


class LogisticRegressions:
    """What ridge regression is compared with: one logistic regression for each output."""

    def __init__(self, **_: Any) -> None:
        self._models: list[LogisticRegression | None] = []

    def fit(self, terms: csr_matrix, targets: Matrix, sample_weight: Matrix) -> None:
        """Train on terms (papers, terms); a target (papers, outputs) of 1 or more is a yes."""
        for wanted in (targets >= 1 - 1e-9).T:
            model = LogisticRegression(C=3, solver="liblinear") if wanted.any() else None
            if model:
                model.fit(terms, wanted, sample_weight=sample_weight)
            self._models.append(model)

    def predict(self, terms: csr_matrix) -> Matrix:
        """The decision functions: (papers, outputs)."""
        outputs = [
            model.decision_function(terms) if model else np.full(terms.shape[0], -100.0)
            for model in self._models
        ]
        return np.array(outputs, dtype=np.float64).T


class OneLogisticRegression(LogisticRegressions):
    """A single one, for recommended or not."""

    def fit(self, terms: csr_matrix, targets: Matrix, sample_weight: Matrix) -> None:
        """Train on terms (papers, terms) and the first target of (papers, outputs)."""
        super().fit(terms, targets[:, :1], sample_weight)
        self._outputs = targets.shape[1]

    def predict(self, terms: csr_matrix) -> Matrix:
        """The decision function, for each output the same: (papers, outputs)."""
        return np.repeat(super().predict(terms), self._outputs, axis=1)


class OneRidge:
    """Ridge regression on how much a paper is wanted, without outputs for fields."""

    def __init__(self, **settings: Any) -> None:
        self._model = Ridge(**settings)

    def fit(self, terms: csr_matrix, targets: Matrix, sample_weight: Matrix) -> None:
        """Train on terms (papers, terms) and the first target of (papers, outputs)."""
        self._model.fit(terms, targets[:, 0], sample_weight=sample_weight)
        self._outputs = targets.shape[1]

    def predict(self, terms: csr_matrix) -> Matrix:
        """What is expected, for each output the same: (papers, outputs)."""
        return np.repeat(self._model.predict(terms)[:, None], self._outputs, axis=1)


def _with_authors(paper: Paper) -> str:
    names = " ".join("author" + "".join(name.split()) for name in paper.authors)
    return f"{paper.title}. {paper.title}. {paper.abstract} {names}"


def _always(share: float) -> Any:
    return lambda recommended: np.full(len(recommended), share)


@contextmanager
def unguarded() -> Iterator[None]:
    """History taught without a thought for fields that are newer than it."""

    def on_average(recommended: Matrix) -> Matrix:
        return np.full(len(recommended), trust(recommended.mean()))

    def everyone(past: Sequence[PastScore], *_: Any) -> NDArray[np.bool_]:
        return np.ones(len(past), dtype=np.bool_)

    with (
        patch.object(local, "trust", on_average),
        patch.object(learning, "_asked", everyone),
    ):
        yield


def ablations() -> Mapping[str, AbstractContextManager[Any]]:
    """What is changed, by what a table calls it; each holds for the time of its block."""
    return {
        "as it is": patch.object(learning, "RARE", learning.RARE),
        "logistic regressions, one a field": patch.object(learning, "Ridge", LogisticRegressions),
        "one logistic regression, no fields": patch.object(
            learning, "Ridge", OneLogisticRegression
        ),
        "one ridge regression, no fields": patch.object(learning, "Ridge", OneRidge),
        "history alone, not fused": patch.object(local, "trust", _always(1.0)),
        "half history, half likeness": patch.object(local, "trust", _always(0.5)),
        "no weight for recency": patch.object(learning, "HALF_LIFE", np.inf),
        "half-life of 7 days": patch.object(learning, "HALF_LIFE", 7.0),
        "recommended or not, no degrees": patch.object(
            learning, "degree", lambda score, threshold: float(score >= threshold)
        ),
        "character n-grams, no words": patch.object(learning, "LEARNED_VIEW", learning.PARTS),
        "authors as words": patch.object(learning, "text_of", _with_authors),
        "every term, however rare": patch.object(learning, "RARE", 1),
    }
