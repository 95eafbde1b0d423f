"""One day of many profiles under faults: each ledger exact, and one mail for each recipient."""

from __future__ import annotations

import os
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
import yaml

from arxiv_digest.adapters.archive import PROFILES_PREFIX, place_of
from arxiv_digest.models import Digest
from benchmarks.table import line
from local.day import logged
from local.emulator import ROOT
from tests.chaos.days import Day, ledgers_in_metrics
from tests.chaos.load import PAPERS
from tests.chaos.schedules import Schedule
from tests.deployed import LONG_ABSTRACT, Deployed, deployed_stack, papers_of

DAY = date(2028, 6, 1)
EVERYBODY = "everybody@example.org"
"""A recipient of every profile, who gets a mail of each."""
PATIENCE = 1800.0
"""Seconds for all of them."""
MENDED = 4
"""Refusals of a request after which the SDK still goes on."""
SEEDS = range(8)
"""The random schedules whose refusals of AWS meet the day, all of them at once."""


def a_profile(number: int) -> tuple[str, str]:
    """A profile's name and text: every category, two fields, and recipients of its own."""
    packaged = yaml.safe_load((ROOT / "profile.yaml").read_text("utf-8"))
    fields = packaged["fields"]
    name = f"reader-{number:03d}"
    told = {
        "name": name,
        "language": ("en", "zh")[number % 2],
        "categories": packaged["categories"],
        "fields": [fields[number % len(fields)], fields[(number + 1) % len(fields)]],
        "minimum_score": 5 + number % 5,
        "recipients": [f"{name}@example.org", EVERYBODY],
    }
    return name, yaml.safe_dump(told, allow_unicode=True)


def disturb(day: Day) -> None:
    """Let the refusals of several schedules meet the day.

    Not those by which fetch itself ends, which are mended by a firing an hour later, nor what SES
    refuses: one recipient's mail, of which an alarm tells.
    """
    for seed in SEEDS:
        for function, service, operation, effect in Schedule.of(seed, PAPERS).refusals:
            outlasts = function == "Fetch" and effect.get("times", 1) > MENDED
            if service != "ses" and not outlasts:
                day.fail(function, service, operation, **effect)


def pass_day(deployed: Deployed, names: list[str]) -> float:
    """Let the day pass for every profile; returns its seconds."""
    papers = [
        paper.model_copy(update={"abstract": LONG_ABSTRACT}) for paper in papers_of(DAY, PAPERS)
    ]
    day = Day(replace(deployed), DAY, papers)
    began = time.monotonic()
    disturb(day)
    with day.published():
        day.announce()
        for _ in range(3):
            with suppress(AssertionError):
                deployed.wait(lambda: deployed.runs.of(names[0]).sent(DAY), 60)
                break
            day.announce()
    left = list(names)
    until = time.monotonic() + PATIENCE
    while left and time.monotonic() < until:
        left = [name for name in left if deployed.runs.of(name).digest_made(DAY) != 0]
        print(f"  {len(names) - len(left)} of {len(names)} digests", flush=True)
        time.sleep(10 if left else 0)
    return time.monotonic() - began


def account(deployed: Deployed, name: str, mails: Counter[str]) -> str:
    """What is wrong with a profile's day, or nothing."""
    try:
        digest = Digest.model_validate_json(deployed.read(f"{place_of(name)}{DAY}/digest.json"))
    except Exception as problem:
        return f"{name}: {type(problem).__name__}: {problem}"
    expected = sorted(paper.id for paper in papers_of(DAY, PAPERS))
    if sorted(paper.id for paper in digest.papers) != expected or digest.ledger.failed:
        return f"{name}: {digest.ledger}"
    if mails[f"{name}@example.org"] != 1:
        return f"{name}: {mails[f'{name}@example.org']} mails"
    return ""


def main(
    profiles: Annotated[int, typer.Option(envvar="PROFILES", min=2, help="profiles")] = 50,
) -> None:
    """Run one day of 734 papers for many profiles under faults, and print its account."""
    told = dict(a_profile(number) for number in range(1, profiles + 1))
    with (
        tempfile.TemporaryDirectory() as folder,
        deployed_stack(Path(folder), faulty=True) as deployed,
    ):
        for name, text in told.items():
            deployed.write(f"{PROFILES_PREFIX}{name}.yaml", text.encode())
        seconds = pass_day(deployed, list(told))
        mails = Counter(recipient for _, recipient in deployed.taken())
        wrong = [problem for name in told if (problem := account(deployed, name, mails))]
        if mails[EVERYBODY] != profiles:
            wrong.append(f"{mails[EVERYBODY]} mails of {profiles} to {EVERYBODY}")
        asked = len(deployed.model.requests)
        feeds = Counter(deployed.arxiv.asked())
        ledgers = ledgers_in_metrics(logged(deployed.stack))
    print(line("profiles", "papers", "exact", "mails", "model's calls", "reads of a feed", "s"))
    print(line(*["--:"] * 7))
    exact = profiles - len(wrong)
    print(
        line(
            *(profiles, f"{profiles * PAPERS:,}", exact, sum(mails.values()), asked),
            max(feeds.values()),
            f"{seconds:.0f}",
        )
    )
    print(f"\n{ledgers} ledgers in the metrics, each of which adds up. {os.cpu_count()} cores.")
    for problem in wrong:
        print(f"not exact: {problem}")
    raise typer.Exit(bool(wrong))


if __name__ == "__main__":
    typer.run(main)
