"""What an execution environment takes to begin: imports, the first call, and the size of its code.

Imports are those of the built functions and layers, in fresh interpreters that see nothing else.
First calls are on the emulator, whose functions are processes of its own interpreter.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from arxiv_digest.firings import EASTERN
from benchmarks.table import head, ratio
from local.day import FUNCTIONS
from local.emulator import PYTHON, ROOT
from tests.deployed import Deployed, build_stack, deployed_stack
from tests.infrastructure import test_package as package

TIMES = 1.6
"""At most so many times as long as importing boto3 takes importing a function that carries it."""
HANDLERS = (*FUNCTIONS, "Vote")
BOUNDED = ("Fetch", "Aggregate")
ROUNDS = 7
WARM_CALLS = 5
MB = 2**20
"""Bytes of a megabyte, as Lambda counts them."""
LIMIT_MB = package.UNZIPPED_LIMIT / MB
BYTECODE = "PYTHONDONTWRITEBYTECODE"
VARIABLES = {
    name: value
    for name, value in package.TEMPLATE["Globals"]["Function"]["Environment"]["Variables"].items()
    if isinstance(value, str)
}
"""What the template tells every function, but for names of resources."""

_IMPORT = """
import time
began = time.process_time()
import {}
print(time.process_time() - began)
"""


class Calls(NamedTuple):
    """Seconds of a function's first call, and of the next ones (the median)."""

    first: float
    warm: float


def import_rows(
    seconds: Mapping[str, Sequence[float]], bounded: Collection[str] = BOUNDED
) -> Iterator[str]:
    """The lines about imports; ``seconds`` has those of boto3 and of each function, by round.

    Of each the least is told: an import does the same every time, and whatever else the machine
    does only adds to it, now and then for most rounds of one function.
    """
    alone = min(seconds["boto3"])
    yield f"| import boto3 alone | {alone:.2f} s | | |"
    for function in HANDLERS:
        took = min(seconds[function])
        times = took / alone
        bound = (f"{TIMES} times", ratio(times / TIMES)) if function in bounded else ("", "")
        said = f"import {function.lower()} ({took:.2f} s)"
        yield f"| {said} | {times:.2f} times | {bound[0]} | {bound[1]} |"


def call_rows(calls: Mapping[str, Calls]) -> Iterator[str]:
    """The lines about first calls."""
    for function, took in calls.items():
        yield f"| {function.lower()}: first call | {took.first:.2f} s | | |"
        yield f"| {function.lower()}: next calls | {took.warm:.2f} s | | |"


def size_rows(sizes: Mapping[str, Mapping[str, int]]) -> Iterator[str]:
    """The lines about sizes, in bytes of the parts of each function by name."""
    each = {name: size for parts in sizes.values() for name, size in parts.items()}
    for name, size in each.items():
        yield f"| {name} alone | {size / 1024:,.0f} KB | | |"
    for function, parts in sizes.items():
        size = sum(parts.values()) / MB
        yield (
            f"| {function} and its layers | {size:.0f} MB | {LIMIT_MB:.0f} MB "
            f"| {ratio(size / LIMIT_MB)} |"
        )


def import_times(
    build: Path, layers: Sequence[Path], cache: Path, *, kept: bool
) -> dict[str, list[float]]:
    """Processor seconds of importing boto3, and each function, in turn.

    Bytecode is looked for in the folder ``cache`` alone, and kept there if ``kept``; otherwise
    everything is compiled each time, as on Lambda.
    """
    told = {"PYTHONPYCACHEPREFIX": str(cache), BYTECODE: "" if kept else "1"}
    took: dict[str, list[float]] = {name: [] for name in ("boto3", *HANDLERS)}
    for round_ in range(ROUNDS + 1):
        for name, seconds in took.items():
            code = [] if name == "boto3" else [build / f"{name}Function"]
            path = ":".join(map(str, [*code, *layers]))
            printed = subprocess.run(  # noqa: S603
                [PYTHON, "-S", "-c", _IMPORT.format("app" if code else name)],
                env={**VARIABLES, "PYTHONPATH": path, **told},
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
            # The first round finds no bytecode, and the files not yet in memory.
            if round_:
                seconds.append(float(printed))
    return took


def compile_each_time(deployed: Deployed, cache: Path) -> None:
    """Let no function of the stack find bytecode, as on Lambda; ``cache`` is an empty folder."""
    client = deployed.stack.client("lambda")
    for function in HANDLERS:
        name = deployed.stack.outputs[f"{function}FunctionName"]
        told = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        variables = {**told, "PYTHONPYCACHEPREFIX": str(cache), BYTECODE: "1"}
        client.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables}
        )


def call_times(deployed: Deployed) -> dict[str, Calls]:
    """The calls of each function that have next to nothing to do."""
    today = dt.datetime.now(EASTERN).date()
    # Feeds of yesterday, so that a firing of the night waits.
    deployed.publish(today - dt.timedelta(days=1), {})
    message = json.loads((ROOT / "events/score-batch.json").read_text("utf-8"))
    events: dict[str, dict[str, Any]] = {
        "Fetch": {"firing": "night"},
        # Of a day that has no run.
        "Score": message,
        "Aggregate": {"deadline": True, "date": "2026-01-22"},
        # Of a link that was cut off.
        "Vote": {
            "queryStringParameters": {"v": "cut off"},
            "requestContext": {"http": {"method": "GET"}},
        },
    }
    return {function: _calls(deployed, function, event) for function, event in events.items()}


def _calls(deployed: Deployed, function: str, event: Mapping[str, Any]) -> Calls:
    seconds = []
    for _ in range(1 + WARM_CALLS):
        began = time.perf_counter()
        deployed.stack.invoke(function, event)
        seconds.append(time.perf_counter() - began)
    return Calls(seconds[0], statistics.median(seconds[1:]))


def package_sizes(folder: Path) -> dict[str, dict[str, int]]:
    """Bytes of each function and of its layers, built for AWS, by the function's name."""
    package.sam_build(folder)
    return {
        function: {name: package.size(folder / name) for name in (function, *layers)}
        for function, layers in package.FUNCTIONS.items()
    }


def main() -> None:
    """Print the tables."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        built = build_stack(place)
        with deployed_stack(place / "stack", built=built) as deployed:
            compile_each_time(deployed, place / "bytecode")
            calls = call_times(deployed)
        build = built.template.parent
        fresh = import_times(build, built.layers, place / "bytecode", kept=False)
        kept = import_times(build, built.layers, place / "bytecode", kept=True)
        sizes = package_sizes(place / "aws")
    print("Imports, compiled each time as on Lambda, in seconds of a processor:\n")
    _print(import_rows(fresh))
    print("\nImports with bytecode from an earlier time:\n")
    _print(import_rows(kept, bounded=()))
    print("\nCalls on the emulator, and sizes as built for AWS:\n")
    _print([*call_rows(calls), *size_rows(sizes)])
    print(f"\n{os.cpu_count()} cores.")


def _print(rows: Iterator[str] | Sequence[str]) -> None:
    print(head())
    for row in rows:
        print(row)


if __name__ == "__main__":
    main()
