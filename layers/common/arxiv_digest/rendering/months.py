"""The papers of a month: for other programs, and as the index that the front page searches."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO

from pydantic_core import to_json

from arxiv_digest.models import Digest, PapersOfDay, PapersOfMonth
from arxiv_digest.rendering.context import script_json
from arxiv_digest.rendering.mathematics import tex_text


def render_papers(digest: Digest) -> bytes:
    """Every paper of a digest as JSON, of which the files of its month are made."""
    return to_json(PapersOfDay.of(digest)) + b"\n"


def render_month(month: str, days: Iterable[PapersOfDay]) -> bytes:
    """Every paper of a month's days (``2026-01``), as JSON of a ``PapersOfMonth``."""
    # Written paper by paper: the whole as an object would take several times its bytes.
    written = BytesIO()
    written.write(to_json(PapersOfMonth(month=month, papers=())).removesuffix(b"]}"))
    between = b""
    for day in days:
        for paper in day.papers:
            written.writelines((between, to_json(paper)))
            between = b","
    written.write(b"]}\n")
    return written.getvalue()


def render_search(month: str, days: Iterable[PapersOfDay]) -> bytes:
    """The index of a month as a script, which a page may also load from a folder of files.

    It calls ``arxivDigestMonth`` with the month, the names of the fields, and one row a paper, in
    the order of the days: day of the month, id, title without its simple TeX, score or null, the
    field's place among the names or null, the first author, and the place of its second field
    where it has one. All is ASCII without ``<``, so that no page's encoding and no end of a script
    can break it.
    """
    place: dict[str, int] = {}
    rows = BytesIO()
    between = ""
    for day in days:
        for paper in day.papers:
            fields = [name for name in (paper.field, paper.second_field) if name]
            places = [place.setdefault(name, len(place)) for name in fields]
            row = [
                paper.date.day,
                paper.id,
                tex_text(paper.title),
                paper.score,
                places[0] if places else None,
                next(iter(paper.authors), ""),
                *places[1:],
            ]
            rows.write(f"{between}{script_json(row)}".encode())
            between = ",\n"
    head = f"arxivDigestMonth({script_json(month)}, {script_json([*place])}, [\n"
    return b"".join((head.encode(), rows.getbuffer(), b"\n]);\n"))
