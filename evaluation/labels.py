"""Labelled days: papers beside the score and the field that they should have.

A label file has one JSON object a line, gzipped where its name ends in ``.gz``; its keys are those
of :class:`Label`, and others are ignored. ``docs/evaluation.md`` has an example.
"""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, ValidationError
from pydantic_core import from_json

from arxiv_digest.models import AnnounceType, Paper, PastScore, ScoreValue
from arxiv_digest.profile import Profile


def _names(authors: object) -> object:
    return [name.strip() for name in authors.split(",")] if isinstance(authors, str) else authors


class Label(BaseModel):
    """One paper of one day and what it should get.

    ``score`` is from 0 to 10 and null for a paper that is not recommended, ``field`` a name of the
    profile's fields or null. ``authors`` are a list, or one text with commas.
    """

    date: dt.date = Field(validation_alias=AliasChoices("date", "published"))
    id: str = Field(min_length=1)
    title: str
    abstract: str
    authors: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    categories: tuple[str, ...] = ()
    score: ScoreValue | None = Field(validation_alias=AliasChoices("score", "seed_score"))
    field: str | None = Field(default=None, validation_alias=AliasChoices("field", "seed_field"))

    @property
    def paper(self) -> Paper:
        """The paper as a feed would have announced it."""
        return Paper(
            id=self.id,
            version=1,
            title=self.title,
            authors=self.authors,
            abstract=self.abstract,
            categories=self.categories,
            announce_type=AnnounceType.NEW,
            announced=self.date,
        )

    @property
    def value(self) -> float:
        """The score, 0 for a paper that is not recommended."""
        return self.score or 0.0

    def past(self, profile: Profile) -> PastScore:
        """The label as a language model's score of an earlier day with the same profile."""
        fields = tuple(field.name for field in profile.fields)
        return PastScore(
            paper=self.paper, score=self.value, field=self.field, date=self.date, fields=fields
        )


class Labels(NamedTuple):
    """What a label file holds: its days, the oldest first, and a sentence for each unusable line.

    The labels of a day are in the order of the file, each paper once.
    """

    days: dict[dt.date, list[Label]]
    problems: list[str]

    @property
    def papers(self) -> int:
        """How many papers are labelled."""
        return sum(map(len, self.days.values()))


def read_labels(file: Path, papers: Iterable[Paper] = ()) -> Labels:
    """Read a label file; raises ``OSError`` where there is none.

    Lines about some ``papers`` that are given need neither title nor abstract.
    """
    opened = gzip.open if file.suffix == ".gz" else open
    known = {
        paper.id: {"title": paper.title, "abstract": paper.abstract, "authors": paper.authors}
        for paper in papers
    }
    with opened(file, "rt", encoding="utf-8") as lines:
        return _labels(lines, file.name, known)


def _labels(lines: Iterable[str], name: str, known: dict[str, dict[str, Any]]) -> Labels:
    found: dict[dt.date, dict[str, Label]] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            told = from_json(line)
            label = Label.model_validate({**known.get(told["id"], {}), **told})
        except ValidationError as problem:
            first = problem.errors()[0]
            key = ".".join(map(str, first["loc"]))
            problems.append(f"{name}:{number}: {key}: {first['msg']}")
            continue
        except (ValueError, TypeError, KeyError):
            problems.append(f"{name}:{number}: no JSON object with an id; see docs/evaluation.md")
            continue
        day = found.setdefault(label.date, {})
        if label.id in day:
            problems.append(f"{name}:{number}: {label.id} is labelled twice on {label.date}")
        day.setdefault(label.id, label)
    return Labels({day: list(found[day].values()) for day in sorted(found)}, problems)
