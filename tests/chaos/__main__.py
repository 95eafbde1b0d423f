"""The long version of the fault tests: every fault at every hop, then seeded random schedules."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from local.day import logged
from tests.chaos.days import Day, Row, ledgers_in_metrics
from tests.chaos.faults import FAULTS, Fault, finish, start
from tests.deployed import Deployed, deployed_stack

FIRST_FAULT = date(2026, 9, 1)


def line(*cells: object) -> str:
    """One line of the table."""
    return f"| {' | '.join(str(cell) for cell in cells)} |"


HEAD = (
    line("fault", "hop", "announced", "scored", "failed", "mails", "archive"),
    line("---", "---", "--:", "--:", "--:", "--:", "---"),
)


def told(name: str, hop: str, row: Row) -> str:
    """A day's line of the table."""
    whole = "complete" if row.archive else "INCOMPLETE"
    return line(name, hop, row.announced, row.scored, row.failed, len(row.mails), whole)


def faults(deployed: Deployed, chosen: Iterable[Fault]) -> list[str]:
    """Let a day pass under each fault; returns the names of those that were not exact."""
    started: list[tuple[Fault, Day]] = []
    wrong: list[str] = []
    for number, fault in enumerate(chosen):
        day = Day.of(deployed, FIRST_FAULT + timedelta(number), fault.papers)
        began = time.monotonic()
        try:
            start(fault, day)
            started.append((fault, day))
        except Exception as problem:
            wrong.append(fault.id)
            print(f"{fault.id}: {type(problem).__name__}: {problem}", flush=True)
        print(f"  {time.monotonic() - began:5.1f} s  {fault.id}", flush=True)
    print(*HEAD, sep="\n")
    for fault, day in started:
        try:
            print(told(fault.name, fault.hop, finish(fault, day)), flush=True)
        except Exception as problem:
            wrong.append(fault.id)
            print(f"{fault.id}: {type(problem).__name__}: {problem}", flush=True)
    return wrong


def main(
    only: Annotated[str, typer.Option(help="only faults whose name or hop has this in it")] = "",
) -> None:
    """Run days under faults on the deployed stack and print the account of each."""
    began = time.monotonic()
    chosen = [fault for fault in FAULTS if only in fault.id]
    with (
        tempfile.TemporaryDirectory() as folder,
        deployed_stack(Path(folder)) as deployed,
    ):
        wrong = faults(deployed, chosen)
        lines = logged(deployed.stack)
        Path("/tmp/chaos.log").write_text("\n".join(lines))
        print(f"{ledgers_in_metrics(lines)} ledgers in the metrics add up")
    print(f"{time.monotonic() - began:.0f} s")
    for name in wrong:
        print(f"not exact: {name}")
    raise typer.Exit(bool(wrong))


if __name__ == "__main__":
    typer.run(main)
