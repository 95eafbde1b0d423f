"""The days that the benchmark of requests and cost lets pass."""

from __future__ import annotations

from pathlib import Path

from arxiv_digest.profile import load_profile
from benchmarks import tokens
from benchmarks.stack import Stack

PROFILE = Path(__file__).parents[2] / "profile.yaml"


def test_one_stack_after_another_has_no_days_but_its_own() -> None:
    seed = tokens.a_day(load_profile(PROFILE.read_text("utf-8")))
    for readers in (1, 2):
        with Stack(seed, readers) as stack:
            usage = stack.pass_day(3)
            assert usage.calls["score"] == 1
            stack.repeat(2)
            assert len(stack.cloud.runs.days()) == 3
