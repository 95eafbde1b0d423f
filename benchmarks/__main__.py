"""Every benchmark, one after the other, and in the end one table of all that has a bound."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.table import bounded, head, line
from local.emulator import ROOT

BENCHMARKS = ("tokens", "page", "growth", "cold_starts", "throughput", "requests")


def main() -> None:
    """Print what they print as it comes, then the table; fails where one of them does."""
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
    over = [what for what, _, _, ratio in rows if float(ratio) > 1]
    print(f"\n{len(rows) - len(over)} of {len(rows)} hold{'; over: ' if over else '.'}", end="")
    print("; ".join(over))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
