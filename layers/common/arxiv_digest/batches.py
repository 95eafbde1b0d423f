"""Papers as batches: each is one queue message, one language-model call and one count of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TypeVar

from arxiv_digest.models import Batch, Paper

Thing = TypeVar("Thing")

MAX_BATCH_BYTES = 200_000
"""Bytes of one batch's papers as JSON: below SQS's 256 KiB a message, DynamoDB's 400 KB an item."""


def make_batches(day: date, papers: Sequence[Paper], papers_per_call: int) -> tuple[Batch, ...]:
    """Cut a run's papers into batches of at most ``papers_per_call`` papers, in their order.

    A batch is shorter where its JSON would pass :data:`MAX_BATCH_BYTES`; every batch holds at
    least one paper, and together they hold each exactly once.
    """
    batches: list[Batch] = []
    first = 0
    for group in packed(papers, papers_per_call, MAX_BATCH_BYTES, lambda p: p.model_dump_json()):
        number = len(batches) + 1
        batches.append(Batch(date=day, number=number, first=first, papers=tuple(group)))
        first += len(group)
    return tuple(batches)


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
