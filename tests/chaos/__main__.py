"""The long version of the fault tests: every fault at every hop, then seeded random schedules."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.table import line
from local.day import logged
from tests.chaos.days import Day, Row, ledgers_in_metrics
from tests.chaos.faults import FAULTS, Fault, pass_all
from tests.chaos.schedules import Schedule
from tests.deployed import READERS, Deployed, deployed_stack

SIDE_BY_SIDE = 16


HEAD = (
    line("fault", "hop", "announced", "scored", "failed", "mails", "archive"),
    line("---", "---", "--:", "--:", "--:", "--:", "---"),
)


def told(name: str, hop: str, row: Row) -> str:
    """A day's line of the table."""
    whole = "complete" if row.archive else "INCOMPLETE"
    return line(name, hop, row.announced, row.scored, row.failed, len(row.mails), whole)


def faults(deployed: Deployed, chosen: Sequence[Fault]) -> list[str]:
    """Let a day pass under each fault; returns the names of those that were not exact."""
    accounts = pass_all(deployed, chosen)
    wrong: list[str] = []
    print(*HEAD, sep="\n", flush=True)
    for fault in chosen:
        try:
            print(told(fault.name, fault.hop, accounts[fault.id].result()), flush=True)
        except Exception as problem:
            wrong.append(fault.id)
            print(f"{fault.id}: {type(problem).__name__}: {problem}", flush=True)
    return wrong


def schedules(deployed: Deployed, seeds: Iterable[int]) -> list[str]:
    """Let a day pass under each seed's schedule; returns the names of those that were not exact.

    They are judged when all have passed: nothing may come to a day afterwards.
    """
    finished: list[tuple[Schedule, Day]] = []
    rows: list[Row] = []
    wrong: list[str] = []
    began = time.monotonic()

    def failed(schedule: Schedule, problem: Exception) -> None:
        wrong.append(f"schedule {schedule.seed}")
        print(f"{schedule}: {type(problem).__name__}: {problem}", flush=True)

    def passed(seed: int) -> None:
        schedule = Schedule.of(seed)
        try:
            day = schedule.start(deployed)
            schedule.finish(day)
            finished.append((schedule, day))
        except Exception as problem:
            failed(schedule, problem)
        if len(finished) % 20 == 0 and finished:
            since = time.monotonic() - began
            print(f"  {len(finished)} schedules have passed after {since:.0f} s", flush=True)

    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(passed, seeds))
    taken = deployed.taken()
    for schedule, day in finished:
        try:
            rows.append(schedule.account(day, taken))
        except Exception as problem:
            failed(schedule, problem)
    announced, scored, lost = (
        sum(getattr(row, name) for row in rows) for name in ("announced", "scored", "failed")
    )
    mails = f"{sum(len(row.mails) for row in rows)} of {len(READERS) * len(rows)}"
    whole = f"{sum(row.archive for row in rows)} complete"
    name = f"{len(rows)} random schedules"
    print(line(name, "any", announced, scored, lost, mails, whole), flush=True)
    return wrong


def main(
    only: Annotated[str, typer.Option(envvar="ONLY", help="only faults named so")] = "",
    count: Annotated[int, typer.Option(envvar="COUNT", help="random schedules")] = 200,
    seed: Annotated[int, typer.Option(envvar="SEED", help="only this schedule")] = -1,
) -> None:
    """Run days under faults on the deployed stack and print the account of each."""
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        deployed_stack(Path(folder), faulty=True) as deployed,
    ):
        wrong: list[str] = []
        if seed < 0:
            wrong += faults(deployed, [fault for fault in FAULTS if only in fault.id])
            deployed.model.forget()
            deployed.faults.forget()
        wrong += schedules(deployed, range(count) if seed < 0 else [seed])
        ledgers = ledgers_in_metrics(logged(deployed.stack))
        print(f"{ledgers} ledgers in the metrics, each of which adds up")
        assert ledgers, "the metrics tell of no digest"
    print(f"{time.monotonic() - began:.0f} s")
    for name in wrong:
        print(f"not exact: {name}")
    raise typer.Exit(bool(wrong))


if __name__ == "__main__":
    typer.run(main)
