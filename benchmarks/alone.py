"""One piece of work in a process that does nothing else: what it takes of memory, or of time.

``memory WORK FOLDER`` prints, as JSON, the most bytes that the process had after its imports and in
the end; ``times WORK HALF WHOLE`` the processor seconds for two inputs, medians of some runs in
turn. A piece of work imports what its function imports, and nothing is imported before that.
"""

from __future__ import annotations

import gc
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from arxiv_digest.profile import Profile

ROOT = Path(__file__).resolve().parents[1]
MACOS = sys.platform == "darwin"
RUNS = 3


class Work(NamedTuple):
    """What reads an input from its folder, and what is then measured."""

    read: Callable[[Path], Any]
    do: Callable[[Any], object]


def parse() -> Work:
    """A category's feed to papers, as fetch reads it."""
    from arxiv_digest.announcements import parse_feed

    return Work(
        lambda folder: (folder / "feed.xml").read_bytes(),
        lambda content: parse_feed(content, "cs.LG"),
    )


def digest() -> Work:
    """A run's papers and outcomes to its digest's files and mail, as aggregate makes them."""
    from datetime import UTC, datetime
    from email.headerregistry import Address

    from arxiv_digest.batches import as_announced
    from arxiv_digest.models import Batch, Day, PapersOfDay, Run, Scored, Tokens
    from arxiv_digest.ranking import make_digest
    from arxiv_digest.rendering import day_files, mathematics, render_mail, shared_files

    def read(folder: Path) -> tuple[Run, list[Batch], dict[str, Scored]]:
        [run] = values(folder / "run", Run)
        outcomes = {found.paper_id: found for found in values(folder / "outcomes", Scored)}
        return run, list(values(folder / "batches", Batch)), outcomes

    def do(given: tuple[Run, list[Batch], dict[str, Scored]]) -> None:
        run, batches, outcomes = given
        # An execution environment makes one digest a day, so nothing is kept from the last one.
        mathematics._mathml.cache_clear()
        papers = as_announced(batches)
        made = make_digest(run, reader(), papers, outcomes, Tokens(), datetime.now(UTC), {})
        for _ in day_files(made):
            pass
        line, of_day = Day.of(made), PapersOfDay.of(made)
        for _ in shared_files(made, made, [line], {made.date: of_day}, "an archive"):
            pass
        sender = Address("arXiv digest", addr_spec="digest@example.org")
        render_mail(made, sender, "reader@example.org", "s3://archive/digest.html").as_bytes()

    return Work(read, do)


def triage() -> Work:
    """A day ranked by what past scores teach, and cut, as fetch plans it."""
    from arxiv_digest.local import interest
    from arxiv_digest.models import Paper, PastScore
    from arxiv_digest.triage import cut

    def read(folder: Path) -> tuple[list[Paper], list[PastScore]]:
        return list(values(folder / "papers", Paper)), list(values(folder / "history", PastScore))

    def do(given: tuple[list[Paper], list[PastScore]]) -> None:
        papers, history = given
        likely = interest(papers, reader(), history)
        order = sorted(range(len(papers)), key=lambda position: -likely[position])
        cut(order, 0.5, 0.03, "2026-01-22")

    return Work(read, do)


WORKS = {"parse": parse, "digest": digest, "triage": triage}


def reader() -> Profile:
    """The packaged profile."""
    from arxiv_digest.profile import load_profile

    return load_profile((ROOT / "profile.yaml").read_text("utf-8"))


def values(file: Path, kind: Any) -> Iterator[Any]:
    """The values of a file, each of a line."""
    from pydantic import TypeAdapter

    adapter: TypeAdapter[Any] = TypeAdapter(kind)
    with file.open("rb") as lines:
        yield from map(adapter.validate_json, lines)


def peak() -> int:
    """The most bytes of memory that this process has had."""
    # Linux counts in kilobytes, macOS in bytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if MACOS else 1024)


def memory(name: str, folder: Path) -> dict[str, int]:
    """Do a piece of work once; returns the peaks after its imports and after all."""
    work = WORKS[name]()
    imports = peak()
    work.do(work.read(folder))
    return {"imports": imports, "peak": peak()}


def times(name: str, half: Path, whole: Path) -> dict[str, float]:
    """Do a piece of work with two inputs in turn; returns the median seconds of each.

    ``growth`` is the median of each turn's ratio, since a busy machine is as slow for both.
    """
    work = WORKS[name]()
    given = {"half": work.read(half), "whole": work.read(whole)}
    took: dict[str, list[float]] = {"half": [], "whole": []}
    for _ in range(RUNS):
        for size, value in given.items():
            gc.collect()
            began = time.process_time()
            work.do(value)
            took[size].append(time.process_time() - began)
    ratios = [more / less for less, more in zip(took["half"], took["whole"], strict=True)]
    medians = {size: statistics.median(seconds) for size, seconds in took.items()}
    return {**medians, "growth": statistics.median(ratios)}


if __name__ == "__main__":
    measure, name, *folders = sys.argv[1:]
    asked = {"memory": memory, "times": times}[measure]
    print(json.dumps(asked(name, *map(Path, folders))))
