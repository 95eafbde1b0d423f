"""The page of a day: one file that asks nothing of anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from markupsafe import Markup

from arxiv_digest.language import Words, words
from arxiv_digest.models import Digest, Paper, RankedPaper, Recommendation, ScorerKind, Unscored
from arxiv_digest.rendering.citations import bibtex
from arxiv_digest.rendering.context import AUTHORS_SHOWN, context, environment, inlined, script_json
from arxiv_digest.rendering.mathematics import tex_html
from arxiv_digest.rendering.pictures import FieldCount, fields_picture, scores_picture
from arxiv_digest.voting import Voting

OTHER = "other"
"""The key of the papers that fit no field; the keys of fields are their places in the profile."""


@dataclass(frozen=True)
class Entry:
    """A paper as the page shows it: what became of it, and what the page finds it by.

    ``field`` is the key of the paper's field, or empty where the paper has no score, and ``second``
    that of a second one; ``order`` is its place in the announcement. ``marks`` say what its place
    in the digest owes to the profile. ``english`` is a reason that is English on every page,
    ``locally`` a score of the local scorer in a run of a language model, ``rank`` that of a triaged
    paper.
    """

    paper: Paper
    order: int
    score: float | None = None
    field: str = ""
    second: str = ""
    reason: str = ""
    marks: str = ""
    english: bool = False
    locally: bool = False
    rank: int | None = None


def render_page(digest: Digest, root: str = "../", voting: Voting | None = None) -> str:
    """The digest as one HTML page that needs nothing else.

    ``root`` is where the archive lies as seen from this page; with ``voting`` each recommended
    paper has links by which all readers of the page vote on it. A Content Security Policy allows
    the page its own style and script, by their hashes, and no request at all.
    """
    return "".join(page_parts(digest, root, voting))


def page_parts(digest: Digest, root: str = "../", voting: Voting | None = None) -> Iterator[str]:
    """The page in short pieces, so that a large day's never has to be in memory as one text.

    One letter of mathematics in it has Python take four bytes for every character.
    """
    given = context(digest)
    said = words(digest.reader.language)
    order = {paper_id: place for place, paper_id in enumerate(digest.announcement_order)}
    keys = {name: str(place) for place, name in enumerate(digest.reader.fields)}

    def entry(found: Recommendation | Unscored | RankedPaper) -> Entry:
        place = order.get(found.paper.id, 0)
        if isinstance(found, RankedPaper):
            return Entry(paper=found.paper, order=place, rank=found.rank)
        if isinstance(found, Unscored):
            return Entry(paper=found.paper, order=place, reason=given["reason"](found))
        return Entry(
            paper=found.paper,
            order=place,
            score=found.score,
            field=keys.get(found.field or "", OTHER),
            second=keys.get(found.second_field or "", ""),
            reason=given["reason"](found),
            marks=given["marks"](found),
            english=bool(found.reason)
            and (found.locally or digest.scorer.kind is ScorerKind.LOCAL),
            locally=found.locally,
        )

    fields = _fields(digest)
    page = {
        **given,
        "root": root,
        # The newest digest is written over by the next one; its papers stay at their own day's.
        "place": "" if root else f"{digest.date}/digest.html",
        "entry": entry,
        "votes": voting.links(digest) if voting else None,
        "fields": [(keys.get(name or "", OTHER), name or said.other_field) for name in fields],
        "categories": sorted({name for paper in digest.papers for name in paper.categories}),
        "pictures": _pictures(digest, fields, said),
        "tex": tex_html,
        "authors_shown": AUTHORS_SHOWN,
        **inlined("page.js"),
        "bibtex": script_json(_references(digest.papers), ascii_only=False),
    }
    return environment().get_template("digest.html.j2").generate(page)


def _fields(digest: Digest) -> list[str | None]:
    """The fields of scored papers as the page lists them: recommended ones first, none last.

    A field that is only a second one is among them.
    """
    recommended = [section.field for section in digest.sections]
    others = [name for name in digest.reader.fields if name not in recommended]
    scored = {found.field for found in digest.scored}
    scored |= {found.second_field for found in digest.scored if found.second_field}
    return [name for name in (*recommended, *others) if name and name in scored] + (
        [None] if None in scored else []
    )


def _pictures(digest: Digest, fields: list[str | None], said: Words) -> list[tuple[str, Markup]]:
    """Each picture beside its caption; a day on which nothing was scored has none."""
    if not digest.ledger.scored:
        return []
    scored = Counter(found.field for found in digest.scored)
    recommended = {section.field: len(section.papers) for section in digest.sections}
    counts = [
        FieldCount(name or said.other_field, recommended.get(name, 0), scored[name])
        for name in fields
        if scored[name]
    ]
    scores = [found.score for found in digest.scored]
    return [
        (said.scores_pictured, scores_picture(scores, digest.reader.minimum_score, said)),
        (said.fields_pictured, fields_picture(counts, said)),
    ]


def _references(papers: Iterable[Paper]) -> dict[str, object]:
    """The papers' BibTeX by id, as a head and the place of its tail among the ``tails``.

    A tab stands for the id. No entry holds another one, and most tails are then the same.
    """
    tails: dict[str, int] = {}
    heads: dict[str, tuple[str, int]] = {}
    for paper in papers:
        head, year, rest = bibtex([paper]).replace(paper.id, "\t").rpartition("  year = ")
        heads[paper.id] = (head, tails.setdefault(year + rest, len(tails)))
    return {"heads": heads, "tails": list(tails)}
