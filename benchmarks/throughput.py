"""The wait for a language model of fixed latency: a deployed day beside what no stack can pass.

The stack is deployed to the emulator with ten batches scored side by side, as on AWS. What its
roles allow is not checked unless ``--enforcing`` says so: on AWS no processor of ours does it. The
bound is ``ceil(batches / 10) × latency``; the baseline is a plain loop of 50 papers a call, one
call after the other, as a script does it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from math import ceil
from pathlib import Path
from typing import NamedTuple

import yaml
from openai import OpenAI

from arxiv_digest.adapters.archive import PROFILE_KEY
from arxiv_digest.models import Paper
from arxiv_digest.profile import load_profile
from benchmarks.table import head, line, ratio
from local.emulator import ROOT
from tests.deployed import LONG_ABSTRACT, Deployed, deployed_stack, papers_of

LATENCY = 10.0
"""Seconds that the model takes for a call, whatever it is asked."""
CONCURRENCY = 10
"""Batches that the template lets be scored at the same time on AWS."""
BOUNDS = {216: 1.10, 734: 1.10, 2_000: 1.05, 10_000: 1.05}
"""How many times the model's own time a day of so many papers may take."""
A_FEED = 2_000
"""The most papers of one feed (arXiv's RSS specification)."""
CATEGORIES = ["cs.CV", "cs.LG", "cs.AI", "cs.RO", "cs.CL"]
"""Enough feeds for the largest day."""
ENOUGH = 1_000_000_000
"""Tokens, so that no day is ranked for what of it the budget should reach."""
FEED_SECONDS = 3.0
"""What arXiv asks to be left between two requests, which the emulator's feeds are read without."""
LOOP_PAPERS, LOOP_CALL, LOOP_BOUND = 734, 50, 4.0


class Measured(NamedTuple):
    """A day's seconds: fetch alone, from the first message to the last batch, then to the mail."""

    batches: int
    fetching: float
    scoring: float
    mailing: float

    @property
    def bound(self) -> float:
        """What the model alone would take."""
        return ceil(self.batches / CONCURRENCY) * LATENCY


def as_on_aws(deployed: Deployed) -> int:
    """Score as the template says for AWS.

    Days are cut by the packaged profile; returns its papers a call.
    """
    client = deployed.stack.client("lambda")
    score = deployed.stack.outputs["ScoreFunctionName"]
    client.update_function_configuration(FunctionName=score, Timeout=600)
    [source] = client.list_event_source_mappings(FunctionName=score)["EventSourceMappings"]
    client.update_event_source_mapping(
        UUID=source["UUID"], ScalingConfig={"MaximumConcurrency": CONCURRENCY}
    )
    keys = yaml.safe_load((ROOT / "profile.yaml").read_text("utf-8"))
    keys |= {"categories": CATEGORIES, "daily_tokens": ENOUGH}
    text = yaml.safe_dump(keys, allow_unicode=True)
    deployed.write(PROFILE_KEY, text.encode())
    deployed.profile = load_profile(text)
    return deployed.profile.papers_per_call


def announce(deployed: Deployed, day: date, count: int) -> None:
    """Publish a day of so many papers, no feed longer than arXiv's are."""
    papers = [
        paper.model_copy(update={"abstract": LONG_ABSTRACT}) for paper in papers_of(day, count)
    ]
    feeds = (papers[start : start + A_FEED] for start in range(0, count, A_FEED))
    deployed.publish(day, dict(zip(deployed.profile.categories, feeds, strict=False)))


def pass_day(deployed: Deployed, day: date, count: int) -> Measured:
    """Let a day pass, from the feeds to the mail."""
    announce(deployed, day, count)
    runs = deployed.runs
    began = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        fetching = pool.submit(deployed.fetch)
        while not deployed.waiting("Queue") and not fetching.done():
            time.sleep(0.02)
        sent = time.monotonic()
        fetched = fetching.result()
    alone = ceil(fetched["batches"] / CONCURRENCY) * deployed.model.seconds
    # Nothing is asked of the emulator before it can be over, so that nothing is in its way.
    time.sleep(max(0.0, sent + alone - time.monotonic()))
    deployed.wait(lambda: runs.remaining(day) == 0, 60 + 2 * alone, longest=0.1)
    scored = time.monotonic()
    digest = deployed.digest(day, 300)
    assert digest.ledger.scored == count, digest.ledger
    told = Measured(fetched["batches"], sent - began, scored - sent, time.monotonic() - scored)
    print(f"{count:,} papers: {told.scoring:.1f} s of {alone:.0f} s", file=sys.stderr)
    return told


def plain_loop(base_url: str, papers: Sequence[Paper]) -> float:
    """Seconds of one call after the other, without anything around it."""
    client = OpenAI(base_url=base_url, api_key="none")
    began = time.monotonic()
    for start in range(0, len(papers), LOOP_CALL):
        some = papers[start : start + LOOP_CALL]
        listed = "\n".join(f"{paper.id} | {paper.title} | {paper.abstract}" for paper in some)
        prompt = f"Score each paper from 0 to 10.\n<papers>\n{listed}\n</papers>"
        client.chat.completions.create(
            model="test-model", messages=[{"role": "user", "content": prompt}]
        )
    return time.monotonic() - began


def rows(passed: Mapping[int, Measured], loop: float) -> Iterator[str]:
    """The lines about days by their papers, and about a plain loop of so many seconds."""
    for count, told in passed.items():
        took = told.scoring / told.bound
        yield line(
            f"{count:,} papers, {told.batches} batches: {told.scoring:.1f} s of {told.bound:.0f} s",
            f"{took:.3f} times",
            f"{BOUNDS[count]:.2f} times",
            ratio(took / BOUNDS[count]),
        )
    faster = loop / passed[LOOP_PAPERS].scoring
    yield line(
        f"{LOOP_PAPERS} papers faster than by a plain loop of {LOOP_CALL} a call ({loop:.1f} s)",
        f"{faster:.1f} times",
        f"at least {LOOP_BOUND:.0f} times",
        ratio(LOOP_BOUND / faster),
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput")
    parser.add_argument(
        "--enforcing", action="store_true", help="have the emulator check what roles allow"
    )
    enforcing = parser.parse_args().enforcing
    with (
        tempfile.TemporaryDirectory() as folder,
        deployed_stack(Path(folder), enforcing=enforcing) as deployed,
        ThreadPoolExecutor(1) as beside,
    ):
        papers_per_call = as_on_aws(deployed)
        deployed.model.seconds = 1.0
        days = (date(2029, month, 1) for month in range(1, 13))
        cold, warm = (
            pass_day(deployed, next(days), CONCURRENCY * papers_per_call) for _ in range(2)
        )
        deployed.model.seconds = LATENCY
        passed = {}
        for count in BOUNDS:
            passed[count] = pass_day(deployed, next(days), count)
            if count == LOOP_PAPERS:
                # It waits for the model nearly all of its time, and so do the larger days.
                papers = papers_of(date(2028, 1, 1), count)
                looping = beside.submit(plain_loop, deployed.model.base_url, papers)
        loop = looping.result()
    print(
        f"Days on the emulator, {papers_per_call} papers a call, {CONCURRENCY} calls at a time,"
        f" {LATENCY:.0f} s a call:\n"
    )
    print(head())
    for row in rows(passed, loop):
        print(row)
    print("\nBeside it, and not in it:\n")
    print(line("papers", "fetch until the first message", "last batch to last mail"))
    print(line("--:", "--:", "--:"))
    for count, told in passed.items():
        print(line(f"{count:,}", f"{told.fetching:.1f} s", f"{told.mailing:.1f} s"))
    feeds = len(deployed.profile.categories)
    print(
        f"\nOn AWS fetch takes {FEED_SECONDS * (feeds - 1):.0f} s more, since arXiv asks for"
        f" {FEED_SECONDS:.0f} s between the requests for {feeds} feeds. The first day after a"
        f" deployment took {cold.scoring - warm.scoring:.1f} s longer than the next, since"
        f" {CONCURRENCY} processes start at once. {os.cpu_count()} cores."
    )


if __name__ == "__main__":
    main()
