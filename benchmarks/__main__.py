"""Every benchmark, one after the other, and in the end one table of all that has a bound."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence

from benchmarks.table import bounded, head, line
from local.emulator import ROOT

BENCHMARKS = ("tokens", "page", "growth", "cold_starts", "throughput", "requests")


def main() -> None:
    """Print all as it comes, then the table; fails where a benchmark or a bound does."""
    rows: list[list[str]] = []
    failed: list[str] = []
    for name in BENCHMARKS:
        said: list[str] = []
        with subprocess.Popen(  # noqa: S603
            [sys.executable, "-um", f"benchmarks.{name}"],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as running:
            for told in running.stdout or ():
                print(told, end="", flush=True)
                said.append(told)
        if running.returncode:
            failed.append(name)
        rows += bounded(said)
        print()
    print(f"All that has a bound, of this one run on {os.cpu_count()} cores:\n")
    print(head())
    for row in rows:
        print(line(*row))
    found = over(rows)
    print(f"\n{len(rows) - len(found)} of {len(rows)} hold.")
    wrong = [
        *(f"over its bound: {what}" for what in found),
        *(f"failed: {name}" for name in failed),
    ]
    if wrong:
        sys.exit("\n".join(wrong))


def over(rows: Iterable[Sequence[str]]) -> list[str]:
    """What is over its bound, of the lines of a table."""
    return [what for what, *_, of_bound in rows if float(of_bound) > 1]


if __name__ == "__main__":
    main()
