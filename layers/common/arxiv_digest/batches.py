"""Papers as batches: each is one queue message, one language-model call and one count of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import Any, TypeVar

from arxiv_digest.models import Batch, Paper, PartOfRun, TriagedPart

Thing = TypeVar("Thing")

MAX_BATCH_BYTES = 200_000
"""Bytes of one batch's papers as JSON: below SQS's 256 KiB a message, DynamoDB's 400 KB an item."""


def make_batches(
    day: date,
    papers: Sequence[Paper],
    papers_per_call: int,
    order: Sequence[int] | None = None,
    profile: str = "",
) -> tuple[Batch, ...]:
    """Cut a run's papers into batches of at most ``papers_per_call`` papers.

    ``order`` names those to queue by their positions, first the one to be scored first; all of them
    as announced where there is none. A batch is shorter where its JSON would pass
    :data:`MAX_BATCH_BYTES`; every batch holds at least one paper, and together they hold each of
    ``order`` exactly once.
    """
    queued = range(len(papers)) if order is None else order
    parts = _parts(day, papers, queued, papers_per_call)
    return tuple(Batch(**part, profile=profile) for part in parts)


def make_triaged(
    day: date, papers: Sequence[Paper], order: Sequence[int], ranks: Sequence[int]
) -> tuple[TriagedPart, ...]:
    """Cut the papers that triage left out into parts of at most :data:`MAX_BATCH_BYTES`.

    ``order`` names them by their positions, ``ranks`` is the rank of every paper of the day.
    """
    return tuple(
        TriagedPart(**part, ranks=tuple(ranks[position] for position in part["positions"]))
        for part in _parts(day, papers, order, len(papers))
    )


def as_announced(parts: Iterable[PartOfRun]) -> list[Paper]:
    """Every paper of some parts of a run, in announcement order."""
    placed = [pair for part in parts for pair in zip(part.positions, part.papers, strict=True)]
    return [paper for _, paper in sorted(placed, key=lambda pair: pair[0])]


def _parts(
    day: date, papers: Sequence[Paper], order: Iterable[int], most: int
) -> Iterator[dict[str, Any]]:
    """What every part of a run has, of parts of at most ``most`` papers."""
    groups = packed(
        order, most, MAX_BATCH_BYTES, lambda position: papers[position].model_dump_json()
    )
    for number, group in enumerate(groups, start=1):
        yield {
            "date": day,
            "number": number,
            "positions": tuple(group),
            "papers": tuple(papers[position] for position in group),
        }


def packed(
    things: Iterable[Thing], most: int, max_bytes: int, text: Callable[[Thing], str]
) -> Iterator[list[Thing]]:
    """Cut things into groups of at most ``most``, and of ``max_bytes`` by their text in UTF-8.

    The order is kept; a thing that is larger by itself stands alone.
    """
    group: list[Thing] = []
    size = 0
    for thing in things:
        added = len(text(thing).encode())
        if group and (len(group) == most or size + added > max_bytes):
            yield group
            group, size = [], 0
        group.append(thing)
        size += added
    if group:
        yield group
