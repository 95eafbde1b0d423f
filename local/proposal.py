"""Fields and categories that are proposed from a reader's own papers.

Papers are taken apart by non-negative matrix factorisation of their TF-IDF. A field's name and
description are the terms that its papers have and the reader's other papers have not, so that the
reader can judge them, and a few titles.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer
from sklearn.metrics import silhouette_score
from sklearn.preprocessing import normalize

from arxiv_digest.learning import Matrix, text_of
from arxiv_digest.models import Example
from local.categories import ARCHIVES, CATEGORIES
from local.draft import MOST_FIELDS, ProposedField, shortened
from local.references import Reference

FEWEST_PAPERS = 3
FEWEST = 0.05
"""Papers, and their share, that a field is proposed for at least, where there are that many."""

MOST_TERMS = 5000
"""The terms that papers are taken apart by: those that stand in most of them."""

LOOKED_AT = 1000
"""Papers that the number of fields is told by."""

NAMED = 3
DESCRIBED = 12
"""Terms of a field's name, and of its description."""

READ = 200
"""Papers of a field, the most central ones, that are read for how its terms are written."""

TITLES = 3
"""Titles of a field's most central papers in its description."""

COMMON = 0.2
"""The share of the reader's papers in which a category has to stand to be proposed."""

WHOLE = 0.6
"""A pair of words that has this share of its word's weight stands in the word's place."""

_OF_ABSTRACTS = frozenset(
    """
    able according accurate achieve achieved achieves achieving acquired address addresses
    addressing advantage aim aims al allow allowing allows alternative analysis analyze applied
    apply applying approach approaches art article aspects assess author authors available average
    based benefit benefits best better beyond broad capabilities capability capture captures case
    cases challenge challenges challenging code combine combined combining common comparable
    compare compared comparison competitive complex comprehensive conduct conducted consider
    consistent consistently consists contribution contributions corresponding critical current
    currently datasets day degree demonstrate demonstrated demonstrates demonstrating design
    designed despite detailed develop developed different difficult directly discuss diverse effect
    effective effectively effectiveness efficient efficiently employ enable enables enabling
    enhance enhanced enhances enhancing ensure ensuring especially essential establish et evaluate
    evaluated evaluating evaluation evaluations evidence examine example existing experiment
    experimental experiments explicitly explore extend extensive facilitate faster finally findings
    focus framework frameworks fundamental furthermore future gain gains general generally github
    given good great growing high higher highly html http https identify impact important
    importantly improve improved improvement improvements improves improving include includes
    including increase increased increasing increasingly indicate individual insights inspired
    instead introduce introduced introduces introducing investigate issue issues key known large
    largely later lead leading leads leverage leverages leveraging like limit limitation
    limitations limited literature little long low lower main maintain maintaining major make makes
    making manner measure method methodology methods multi multiple naturally necessary need needed
    needs new non notably novel number observe obtain obtained offer offering offers open order
    outperform outperforming outperforms overall overcome paper papers particular particularly
    perform performance performed performing performs possible post potential practical pre present
    presented presents preserving prior problem problems produce promising properties propose
    proposed proposes proposing provide provided provides providing publicly question rapid rate
    recent recently reduce reduced reduces reducing related relative relevant rely remain remains
    report reported require required requires requiring research respectively result resulting
    results reveal reveals robust run runs scalable scenarios seek set sets setting settings shot
    show showed showing shown shows significant significantly similar simple simply single small
    solution solutions solve sota specific specifically standard strategies strategy strong studied
    studies study subsequently substantial substantially success successful suggest superior
    support supports system systems task tasks technique techniques term terms test tested textbf
    time times traditional typically understand unified unlike use used useful user uses using
    utilize validate validated variety various way ways wide widely work works years yet yield
    yields
    """.split()  # noqa: SIM905
)
"""What abstracts of any subject say; no field is called by it."""

_STOP_WORDS = sorted(ENGLISH_STOP_WORDS | _OF_ABSTRACTS)
_SMALL = "|".join(sorted(ENGLISH_STOP_WORDS))


class Proposal(NamedTuple):
    """Fields, the largest first; ``apart`` are papers that are like no other, and in no field."""

    fields: tuple[ProposedField, ...]
    apart: tuple[Reference, ...]


def propose_fields(references: Sequence[Reference], count: int | None = None) -> Proposal:
    """Take a reader's papers apart into ``count`` fields, or as many as are most clearly apart.

    That is the number up to :data:`MOST_FIELDS` with the greatest silhouette of cosines, of those
    by which no field is too small, and one where there is no such number.
    The same arguments give the same fields.
    """
    weights, terms = _weigh([text_of(_example(one)) for one in references])
    shared = _shared(weights, terms)
    if not shared.nnz:
        return Proposal(
            (_field(weights, terms, list(range(len(references))), references, set()),), ()
        )
    row_sums = np.asarray(shared.sum(axis=1)).ravel()
    inside = np.flatnonzero(row_sums > 0)
    groups = _groups(csr_matrix(shared[inside]), count)
    taken: set[str] = set()
    fields: list[ProposedField] = []
    for number, _ in Counter(groups.tolist()).most_common():
        members = inside[groups == number].tolist()
        field = _field(weights, terms, members, references, taken)
        taken.add(field.name)
        fields.append(field)
    apart = [references[row] for row in np.flatnonzero(row_sums == 0).tolist()]
    return Proposal(tuple(fields), tuple(apart))


def propose_categories(references: Iterable[Reference]) -> list[str]:
    """The categories that a share of :data:`COMMON` of the papers has, the most frequent first.

    Whole archives, such as ``cs``, count where nothing else does: their feeds have thousands.
    """
    known = [[name for name in one.categories if name in CATEGORIES] for one in references]
    papers = [categories for categories in known if categories]
    counted = Counter(name for categories in papers for name in dict.fromkeys(categories))
    frequent = [name for name, many in counted.most_common() if many >= COMMON * len(papers)]
    return [name for name in frequent if name not in ARCHIVES] or frequent


def _example(reference: Reference) -> Example:
    return Example(id="", more=True, title=reference.title, abstract=reference.abstract)


def _weigh(texts: Sequence[str]) -> tuple[csr_matrix, Sequence[str]]:
    """TF-IDF of the words and pairs of words of some texts: (texts, terms), and the terms."""
    vectorizer = TfidfVectorizer(stop_words=_STOP_WORDS, ngram_range=(1, 2), sublinear_tf=True)
    try:
        return csr_matrix(vectorizer.fit_transform(texts)), vectorizer.get_feature_names_out()
    except ValueError:  # no text has a word that tells something
        return csr_matrix((len(texts), 1)), [""]


def _shared(weights: csr_matrix, terms: Sequence[str]) -> csr_matrix:
    """The weights of the words that several papers share, rows of length 1 or of nothing."""
    standing_in = np.bincount(weights.indices, minlength=weights.shape[1])
    words = np.array([" " not in term for term in terms])
    standing_in[~words] = 0
    frequent = np.argsort(-standing_in, kind="stable")[:MOST_TERMS]
    kept = np.sort(frequent[standing_in[frequent] >= 2])
    return csr_matrix(normalize(weights[:, kept]) if len(kept) else (weights.shape[0], 1))


def _groups(weights: csr_matrix, count: int | None) -> Matrix:
    papers = weights.shape[0]
    if count is not None:
        return _taken_apart(weights, min(count, papers))
    best, groups = -1.0, np.zeros(papers)
    for number in range(2, min(MOST_FIELDS, papers // FEWEST_PAPERS) + 1):
        tried = _taken_apart(weights, number)
        sizes = Counter(tried.tolist())
        if len(sizes) < number or min(sizes.values()) < max(FEWEST_PAPERS, FEWEST * papers):
            continue
        apart = silhouette_score(
            weights,
            tried,
            metric="cosine",
            sample_size=LOOKED_AT if papers > LOOKED_AT else None,
            random_state=0,
        )
        if apart > best:
            best, groups = apart, tried
    return groups


def _taken_apart(weights: csr_matrix, count: int) -> Matrix:
    """The number of each paper's group."""
    if count == 1:
        return np.zeros(weights.shape[0])
    # Its default start repeats itself, and needs no more parts than there are papers and words.
    parts = NMF(min(count, *weights.shape), init="nndsvd", random_state=0, max_iter=400)
    with warnings.catch_warnings():
        # Papers that are the same, or nothing alike, make it round below zero, or end early.
        warnings.simplefilter("ignore")
        return np.asarray(parts.fit_transform(weights).argmax(axis=1), dtype=np.float64)


def _field(
    weights: csr_matrix,
    terms: Sequence[str],
    members: Sequence[int],
    references: Sequence[Reference],
    taken: set[str],
) -> ProposedField:
    """The field of some papers, by what their terms weigh beyond those of all others."""
    inside = np.asarray(weights[members].mean(axis=0)).ravel()
    others = np.setdiff1d(np.arange(weights.shape[0]), members)
    outside = np.asarray(weights[others].mean(axis=0)).ravel() if len(others) else 0.0
    standing_in = np.bincount(weights[members].indices, minlength=weights.shape[1])
    telling = np.where(standing_in >= min(2, len(members)), inside - outside, 0.0)
    central = np.asarray(weights[members] @ inside).ravel()
    papers = [references[members[row]] for row in np.argsort(-central, kind="stable")]
    text = " ".join(f"{one.title}. {one.abstract}" for one in papers[:READ])
    chosen = [_as_written(term, text) for term in _chosen_terms(telling, terms)]
    titles = [one.title for one in papers if one.title][:TITLES]
    name = ", ".join(chosen[:NAMED]) or shortened(titles[0], 60)
    name = name[:1].upper() + name[1:]
    while name in taken:
        name += " (other)"
    described = ", ".join(chosen)
    examples = f"Papers such as: {'; '.join(titles)}" if titles else ""
    description = ". ".join(filter(None, (described[:1].upper() + described[1:], examples)))
    return ProposedField(name, f"{description}.", tuple(papers))


def _chosen_terms(telling: Matrix, terms: Sequence[str]) -> list[str]:
    """The terms that tell most, of which none holds a word of another one before it."""
    ordered = [int(place) for place in np.argsort(-telling, kind="stable") if telling[place] > 0]
    pairs = [place for place in ordered[: 50 * DESCRIBED] if " " in terms[place]]
    chosen: list[str] = []
    used: set[str] = set()
    for place in ordered:
        whole = [
            pair
            for pair in pairs
            if terms[place] in terms[pair].split() and telling[pair] >= WHOLE * telling[place]
        ]
        term = terms[whole[0]] if whole else terms[place]
        words = {word.removesuffix("s") for word in term.split()}
        if not used & words:
            chosen.append(term)
            used |= words
        if len(chosen) == DESCRIBED:
            break
    return chosen


def _as_written(term: str, text: str) -> str:
    """A term as it is most often written, with its case and the small words that it lost."""
    words = [re.escape(word) for word in term.split()]
    between = rf"[\W_]+(?:(?:{_SMALL})[\W_]+){{0,2}}"
    found = re.findall(rf"\b{between.join(words)}\b", text, re.IGNORECASE)
    written = Counter(" ".join(match.split()) for match in found)
    return written.most_common(1)[0][0] if written else term
