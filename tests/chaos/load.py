"""Days of a large announcement under faults, one after the other: exact, and none heavier than the
first."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from arxiv_digest.adapters.archive import PROFILE_KEY
from benchmarks.table import line
from local.day import FUNCTIONS, logged
from local.emulator import ROOT
from tests.chaos.days import Row, ledgers_in_metrics
from tests.chaos.schedules import Schedule
from tests.deployed import READERS, Deployed, deployed_stack
from tests.faults import resident

FIRST = date(2028, 3, 16)
"""A day from which on thirty days have two halves of months."""
PAPERS = 734
GROWTH = 1.15
"""How many times the first days' memory and bytes those of the last days may be."""
OF_A_MONTH = {"papers": "json", "search": "js"}
"""Where the archive has the files of a month, and their ending."""
COMPARED = 5
"""So many days at the beginning and at the end are compared, by their medians."""


class Passed(NamedTuple):
    """A day that passed: its account, and what it took and left.

    ``memory`` are the bytes that the largest process of each function holds, ``items`` those of
    the day in the table, ``own``, ``month``, ``feeds`` and ``index`` the bytes of the archive's
    files of the day, of those of its month, of the two that hold its newest days, and of the one
    that has a line of each.
    """

    row: Row
    seconds: float
    memory: dict[str, int]
    items: int
    own: int
    month: int
    feeds: int
    index: int


def schedule(number: int) -> Schedule:
    """The faults of a day: those of a random schedule, but no death.

    A process that dies and is started anew would tell nothing about memory; ``make chaos`` has
    deaths.
    """
    drawn = Schedule.of(number, PAPERS)
    incidents = [incident for incident in drawn.incidents if incident[0] != "killed"]
    return replace(drawn, by_rss=True, incidents=incidents, first=FIRST)


def pass_day(deployed: Deployed, number: int) -> Passed:
    """Let a day pass; raises ``AssertionError`` where it is not exact."""
    began = time.monotonic()
    planned = schedule(number)
    day = planned.start(deployed)
    planned.finish(day)
    row = planned.account(day, deployed.taken())
    seconds = time.monotonic() - began
    deployed.model.forget()
    deployed.faults.forget()
    table = deployed.stack.client("dynamodb")
    counted = table.get_paginator("query").paginate(
        TableName=deployed.stack.outputs["Table"],
        Select="COUNT",
        KeyConditionExpression="pk = :run",
        ExpressionAttributeValues={":run": {"S": f"RUN#{day.date}"}},
    )
    pages = deployed.stack.client("s3").get_paginator("list_objects_v2")
    sizes = {
        found["Key"]: found["Size"]
        for page in pages.paginate(Bucket=deployed.stack.outputs["Bucket"])
        for found in page.get("Contents", ())
    }
    emulator, outputs = deployed.stack.emulator, deployed.stack.outputs
    return Passed(
        row=row,
        seconds=seconds,
        memory={name: resident(emulator.pid, outputs[f"{name}FunctionName"]) for name in FUNCTIONS},
        items=sum(page["Count"] for page in counted),
        own=sum(size for key, size in sizes.items() if key.startswith(f"{day.date}/")),
        month=sum(sizes[f"{key}/{day.date:%Y-%m}.{kind}"] for key, kind in OF_A_MONTH.items()),
        feeds=sizes["feed.xml"] + sizes["papers.xml"],
        index=sizes["index.html"],
    )


def grown(values: list[float]) -> float:
    """How many times its first days' median that of the last days is."""
    return statistics.median(values[-COMPARED:]) / statistics.median(values[:COMPARED])


def months_grown(passed: dict[date, Passed]) -> float | None:
    """How many times a month's bytes those of the next are after as many days, or none of one."""
    months: dict[int, list[int]] = {}
    for day, told in passed.items():
        months.setdefault(day.month, []).append(told.month)
    if len(months) < 2:
        return None
    first, second, *_ = months.values()
    days = min(len(first), len(second))
    return second[days - 1] / first[days - 1]


def main(
    days: Annotated[int, typer.Option(envvar="DAYS", min=2 * COMPARED, help="days")] = 30,
) -> None:
    """Run days of 734 papers under faults on the deployed stack, and print the account of each."""
    print(
        line(
            "day",
            "announced",
            "scored",
            "failed",
            "mails",
            "archive",
            "seconds",
            *(f"{name.lower()} MB" for name in FUNCTIONS),
            "items",
            "own kB",
            "month kB",
            "feeds kB",
            "index kB",
        )
    )
    print(line("---", *["--:"] * 4, "---", *["--:"] * 9), flush=True)
    passed: dict[date, Passed] = {}
    wrong: list[str] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        deployed_stack(Path(folder), faulty=True) as deployed,
    ):
        deployed.write(PROFILE_KEY, (ROOT / "profile.yaml").read_bytes())
        for number in range(days):
            day = FIRST + timedelta(number)
            try:
                told = pass_day(deployed, number)
            except Exception as problem:
                wrong.append(str(day))
                print(f"{day}: {type(problem).__name__}: {problem}", flush=True)
                continue
            passed[day] = told
            print(
                line(
                    day,
                    *(told.row.announced, told.row.scored, told.row.failed, len(told.row.mails)),
                    "complete" if told.row.archive else "INCOMPLETE",
                    f"{told.seconds:.0f}",
                    *(f"{told.memory[name] / 1e6:.0f}" for name in FUNCTIONS),
                    told.items,
                    *(
                        f"{size / 1e3:,.0f}"
                        for size in (told.own, told.month, told.feeds, told.index)
                    ),
                ),
                flush=True,
            )
        ledgers = ledgers_in_metrics(logged(deployed.stack))
    announced, scored, failed = (
        sum(getattr(told.row, name) for told in passed.values())
        for name in ("announced", "scored", "failed")
    )
    mails = sum(len(told.row.mails) for told in passed.values())
    print(
        f"\n{len(passed)} of {days} days exact: announced {announced:,} = scored {scored:,}"
        f" + failed {failed:,}; {mails} of {days * len(READERS)} mails; {ledgers} ledgers in the"
        f" metrics, each of which adds up. {os.cpu_count()} cores.\n"
    )
    print(line("what", f"last {COMPARED} days by the first {COMPARED}", "bound"))
    print(line("---", "--:", "--:"))
    measures = {
        **{
            f"memory of {name.lower()}": [told.memory[name] for told in passed.values()]
            for name in FUNCTIONS
        },
        "items of a day in the table": [told.items for told in passed.values()],
        "bytes of a day's own files": [told.own for told in passed.values()],
    }
    ratios = {name: grown([float(one) for one in values]) for name, values in measures.items()}
    if (of_months := months_grown(passed)) is not None:
        ratios["bytes of a month's files, by those of the month before"] = of_months
    for name, ratio in ratios.items():
        print(line(name, f"{ratio:.2f}", f"{GROWTH:.2f}"))
        if ratio > GROWTH:
            wrong.append(f"{name} grows")
    for name in wrong:
        print(f"not as it should be: {name}")
    raise typer.Exit(bool(wrong))


if __name__ == "__main__":
    typer.run(main)
