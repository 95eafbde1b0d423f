"""Term counts that are kept, since an evaluation ranks the same papers many times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from arxiv_digest.learning import TERMS, count_terms

Row = tuple[NDArray[np.int32], NDArray[np.float32]]


class KeptCounts:
    """Counts terms as :func:`arxiv_digest.learning.count_terms` does, each text once."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row] = {}

    def __call__(self, view: str, texts: Sequence[str]) -> csr_matrix:
        """The counts of some texts in one view: (texts, terms)."""
        new = list(dict.fromkeys(text for text in texts if (view, text) not in self._rows))
        if new:
            counts = count_terms(view, new)
            for text, start, end in zip(new, counts.indptr, counts.indptr[1:], strict=False):
                indices = counts.indices[start:end].astype(np.int32)
                self._rows[view, text] = (indices, counts.data[start:end].astype(np.float32))
        rows = [self._rows[view, text] for text in texts]
        ends = np.cumsum([0, *(len(indices) for indices, _ in rows)])
        indices = np.concatenate([row[0] for row in rows]) if rows else np.empty(0, np.int32)
        data = np.concatenate([row[1] for row in rows]) if rows else np.empty(0, np.float32)
        return csr_matrix((data, indices, ends), shape=(len(rows), TERMS))
