"""What days far larger than arXiv's take of a processor and of memory, and how that grows.

Each piece of work runs in processes of its own (:mod:`benchmarks.alone`), which read its input from
files (:mod:`benchmarks.large_days`) as the functions read it from the network and the table. This
process stays small, since Linux counts a parent's memory as its child's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.table import head, ratio

ROOT = Path(__file__).resolve().parents[1]
MB = 2**20
"""Bytes of a megabyte, as Lambda counts them."""
SMALL_MB = 256
FETCH_MB = 1769
"""The memory that the template gives fetch."""
TRIAGED = 2_000
HISTORY_DAYS = 30
PAPERS_OF_A_DAY = 734
"""Papers of each day of the history that triage learns from."""
DOUBLED = 2.2
"""At most so many times as long takes an input of twice the size."""
PROCESSES = 5
"""Processes that time a piece of work, an odd number of which one is in the middle."""


class Work(NamedTuple):
    """A piece of work by its name in :mod:`benchmarks.alone`, and the most memory it may take."""

    name: str
    said: str
    count: int
    memory: int


class Taken(NamedTuple):
    """What one piece of work took: processor seconds, of half the input too, and megabytes."""

    whole: float
    half: float
    growth: float
    imports: float
    peak: float


WORKS = (
    Work("parse", "parse a feed of 2,000 items", 2_000, SMALL_MB),
    Work("digest", "rank and render 10,000 scored papers", 10_000, SMALL_MB),
    Work("triage", "triage 2,000 papers by 30 days of 734", TRIAGED, FETCH_MB),
)


def rows(work: Work, taken: Taken) -> Iterator[str]:
    """The lines of the table about one piece of work."""
    yield f"| {work.said} | {taken.whole:.2f} s | | |"
    yield (
        f"| {work.said}, beside half of it ({taken.half:.2f} s) "
        f"| {taken.growth:.2f} times | {DOUBLED} times | {ratio(taken.growth / DOUBLED)} |"
    )
    yield (
        f"| … its memory, of which imports {taken.imports:.0f} MB | {taken.peak:.0f} MB "
        f"| {work.memory:,} MB | {ratio(taken.peak / work.memory)} |"
    )


def measure(work: Work, folder: Path) -> Taken:
    """Run a piece of work: in a process for its memory, and in others for its times.

    Processes differ by a tenth in what they take, by how their memory lies, so that the one in the
    middle is told.
    """
    half, whole = (str(folder / f"{work.name}-{count}") for count in (work.count // 2, work.count))
    memory = _told("benchmarks.alone", "memory", work.name, whole)
    told = []
    for number in range(1, PROCESSES + 1):
        told.append(_told("benchmarks.alone", "times", work.name, half, whole))
        print(f"{work.said}: {number} of {PROCESSES}", file=sys.stderr)
    times = sorted(told, key=itemgetter("growth"))[PROCESSES // 2]
    return Taken(
        whole=times["whole"],
        half=times["half"],
        growth=times["growth"],
        imports=memory["imports"] / MB,
        peak=memory["peak"] / MB,
    )


def _told(module: str, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", module, *arguments],
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        name = _told("benchmarks.large_days", folder)["papers"]
        print(f"Large days of {name}, in seconds of a processor:\n")
        print(head())
        for work in WORKS:
            for row in rows(work, measure(work, Path(folder))):
                print(row, flush=True)
    print(f"\n{os.cpu_count()} cores.")


if __name__ == "__main__":
    main()
