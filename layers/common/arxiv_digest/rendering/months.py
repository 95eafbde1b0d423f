"""The papers of a month: for other programs, and as the index that the front page searches."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic_core import to_json

from arxiv_digest.models import Digest, PapersOfDay, PapersOfMonth
from arxiv_digest.rendering.context import script_json
from arxiv_digest.rendering.mathematics import tex_text


def render_papers(digest: Digest) -> bytes:
    """Every paper of a digest as JSON, of which the files of its month are made."""
    return to_json(PapersOfDay.of(digest)) + b"\n"


def render_month(month: str, days: Iterable[PapersOfDay]) -> bytes:
    """Every paper that was read in a month (``2026-01``), as JSON."""
    in_order = sorted(days, key=lambda day: day.date)
    papers = tuple(paper for day in in_order for paper in day.papers)
    return to_json(PapersOfMonth(month=month, papers=papers)) + b"\n"


def render_search(month: str, days: Iterable[PapersOfDay]) -> str:
    """The index of a month as a script, which a page may also load from a folder of files.

    It calls ``arxivDigestMonth`` with the month, the names of the fields, and one row a paper, the
    newest day first: day of the month, id, title without its simple TeX, score or null, the
    field's place among the names or null, the first author, and the place of its second field
    where it has one. All is ASCII without ``<``, so that no page's encoding and no end of a script
    can break it.
    """
    newest_first = sorted(days, key=lambda day: day.date, reverse=True)
    papers = [paper for day in newest_first for paper in day.papers]
    of_papers = (name for paper in papers for name in (paper.field, paper.second_field))
    names = list(dict.fromkeys(name for name in of_papers if name is not None))
    place: dict[str | None, int] = {name: number for number, name in enumerate(names)}
    rows = (
        [
            paper.date.day,
            paper.id,
            tex_text(paper.title),
            paper.score,
            place.get(paper.field),
            next(iter(paper.authors), ""),
            *([place[paper.second_field]] if paper.second_field else []),
        ]
        for paper in papers
    )
    lines = ",\n".join(script_json(row) for row in rows)
    return f"arxivDigestMonth({script_json(month)}, {script_json(names)}, [\n{lines}\n]);\n"
