"""Labelled days: their format, and reading them.

A label file is JSON Lines, one paper a line, gzipped if its name ends in ``.gz``:

``id``
    arXiv's identifier without a version.
``score``
    0 to 10, or null where the paper was read and not recommended.
``field``
    the profile's field the paper was recommended for, or null.
``date``
    the day it was read on, as 2026-01-22; left out where ``--day`` or the sample gives it.
``pos``
    its place in the announcement, from 1; left out where lines are in that order.
``title``, ``abstract``
    left out only where feeds give the paper by its id.
``authors``, ``categories``
    optional: a list or, for authors, names with commas between them.

``seed_score`` and ``seed_field`` are read as ``score`` and ``field``, ``published`` as ``date``;
other keys are passed over.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, ValidationError

from arxiv_digest.announcements import paper_id
from arxiv_digest.models import AnnounceType, Paper, ScoreValue


class LabelsError(ValueError):
    """A label file that cannot be read at all; the message names it and its mend."""


class Label(NamedTuple):
    """One labelled paper: ``score`` and ``field`` are none where it was not recommended."""

    paper: Paper
    score: float | None
    field: str | None


class LabelledDay(NamedTuple):
    """The labelled papers of one day, in announcement order."""

    date: dt.date
    labels: tuple[Label, ...]

    @property
    def papers(self) -> tuple[Paper, ...]:
        """The day's papers."""
        return tuple(label.paper for label in self.labels)

    def without(self, read: set[str]) -> LabelledDay:
        """The day without papers that were read before, as fetch leaves them out."""
        return LabelledDay(self.date, tuple(one for one in self.labels if one.paper.id not in read))


class Labels(NamedTuple):
    """What label files held: days by date, and one sentence for each line that was skipped."""

    days: tuple[LabelledDay, ...]
    problems: tuple[str, ...]


class Retest(NamedTuple):
    """A paper that one model scored twice: the score of each time, or none."""

    first: float | None
    second: float | None


def _listed(value: Any) -> Any:
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


def _identifier(value: Any) -> str:
    found = paper_id(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write an arXiv identifier such as 2601.14327")
    return found[0]


class _Line(BaseModel):
    id: Annotated[str, BeforeValidator(_identifier)]
    score: ScoreValue | None = Field(validation_alias=AliasChoices("score", "seed_score"))
    field: str | None = Field(default=None, validation_alias=AliasChoices("field", "seed_field"))
    date: dt.date | None = Field(default=None, validation_alias=AliasChoices("date", "published"))
    pos: int | None = None
    title: str = ""
    abstract: str = ""
    authors: Annotated[tuple[str, ...], BeforeValidator(_listed)] = ()
    categories: tuple[str, ...] = ()


class _RetestLine(BaseModel):
    score1: ScoreValue | None
    score2: ScoreValue | None


def read_labels(
    files: Sequence[Path],
    papers: Mapping[str, Paper] | None = None,
    day: dt.date | None = None,
) -> Labels:
    """Read labelled days from files.

    ``papers`` (by id) gives what a line leaves out of its paper, ``day`` the date of lines without
    one. A line that cannot be used is skipped, with a sentence that names file, line, key and
    mend. A paper that stands twice on a day counts once, by its first line. Raises
    :class:`LabelsError` for a file that cannot be read.
    """
    known = papers or {}
    found: dict[dt.date, dict[str, tuple[int, Label]]] = {}
    problems: list[str] = []
    for file in files:
        for number, line in _lines(file):
            where = f"{file.name}, line {number}"
            try:
                read = _Line.model_validate_json(line)
            except ValidationError as problem:
                problems.append(f"{where}: {_explained(problem)}")
                continue
            date = read.date or day
            if date is None:
                problems.append(f"{where}: date is missing; write it as 2026-01-22")
                continue
            paper = known.get(read.id) or _paper(read, date)
            if paper is None:
                problems.append(
                    f"{where}: title or abstract is missing, and no feed has {read.id}; add them"
                )
                continue
            of_day = found.setdefault(date, {})
            if read.id in of_day:
                problems.append(f"{where}: id {read.id} stands twice on {date}; keep one line")
                continue
            of_day[read.id] = (
                read.pos if read.pos is not None else number,
                Label(paper, read.score, read.field),
            )
    days = tuple(
        LabelledDay(date, tuple(label for _, label in sorted(of_day.values(), key=_place)))
        for date, of_day in sorted(found.items())
    )
    return Labels(days, tuple(problems))


def read_retest(file: Path) -> list[Retest]:
    """Read papers that one model scored twice: lines with ``score1`` and ``score2``.

    Raises :class:`LabelsError` for a file or a line that cannot be read.
    """
    found: list[Retest] = []
    for number, line in _lines(file):
        try:
            read = _RetestLine.model_validate_json(line)
        except ValidationError as problem:
            raise LabelsError(f"{file.name}, line {number}: {_explained(problem)}") from None
        found.append(Retest(read.score1, read.score2))
    return found


def _place(entry: tuple[int, Label]) -> int:
    return entry[0]


def _paper(read: _Line, date: dt.date) -> Paper | None:
    if not (read.title.strip() and read.abstract.strip()):
        return None
    return Paper(
        id=read.id,
        version=1,
        title=read.title,
        authors=read.authors,
        abstract=read.abstract,
        categories=read.categories,
        announce_type=AnnounceType.NEW,
        announced=date,
    )


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    try:
        data = file.read_bytes()
        text = (gzip.decompress(data) if file.suffix == ".gz" else data).decode("utf-8")
    except (OSError, EOFError, zlib.error) as problem:
        raise LabelsError(
            f"{file} cannot be read ({problem}); name a JSON Lines file, gzipped if it ends in .gz"
        ) from None
    except UnicodeDecodeError:
        raise LabelsError(f"{file} is not UTF-8 text; save it as such") from None
    # Only a line feed ends a line of JSON; titles may hold what splitlines() splits at.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield number, line


def _explained(problem: ValidationError) -> str:
    first = problem.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    match first["type"]:
        case "json_invalid":
            return "is no JSON; write one object on each line"
        case "missing":
            return f"{key} is missing; add it (docs/evaluation.md has an example)"
        case "greater_than_equal" | "less_than_equal" | "float_type" | "float_parsing":
            return f"{key} is {json.dumps(first['input'])}; write a number from 0 to 10, or null"
        case "value_error":
            return f"{key} is {json.dumps(first['input'])}; {first['ctx']['error']}"
        case _:
            said = first["msg"][:1].lower() + first["msg"][1:]
            return f"{key or 'the line'} is {json.dumps(first['input'])[:80]}; {said}"
