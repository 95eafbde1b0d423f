"""Papers as batches: each is one queue message, one language-model call and one count of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from arxiv_digest.models import Batch, Paper

MAX_BATCH_BYTES = 200_000
"""Bytes of one batch's papers as JSON: below SQS's 256 KiB a message, DynamoDB's 400 KB an item."""


def make_batches(day: date, papers: Sequence[Paper], papers_per_call: int) -> tuple[Batch, ...]:
    """Cut a run's papers into batches of at most ``papers_per_call`` papers, in their order.

    A batch is shorter where its JSON would pass :data:`MAX_BATCH_BYTES`; every batch holds at
    least one paper, and together they hold each exactly once.
    """
    batches: list[Batch] = []
    first = 0
    for group in _groups(papers, papers_per_call):
        number = len(batches) + 1
        batches.append(Batch(date=day, number=number, first=first, papers=tuple(group)))
        first += len(group)
    return tuple(batches)


def _groups(papers: Iterable[Paper], most: int) -> Iterator[list[Paper]]:
    group: list[Paper] = []
    size = 0
    for paper in papers:
        added = len(paper.model_dump_json().encode())
        if group and (len(group) == most or size + added > MAX_BATCH_BYTES):
            yield group
            group, size = [], 0
        group.append(paper)
        size += added
    if group:
        yield group
