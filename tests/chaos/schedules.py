"""Random schedules of faults, each made from its seed alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from local.stack import FunctionError
from tests.chaos.days import Day, Row
from tests.chaos.faults import OPERATIONS
from tests.deployed import READERS, Deployed
from tests.faults import THROTTLED, UNAVAILABLE

FIRST = date(2025, 6, 2)

MISBEHAVIOURS = (
    "wrong ids",
    "missing ids",
    "shuffled",
    "swapped twice",
    "cut JSON",
    "garbage",
    "refusal",
    "429",
    "500",
    "401",
    "slow",
)
BY_RSS = 0.05
"""The share of days whose papers come by RSS, which is one day at a time."""

# Deaths are rarer, since the emulator takes seconds to start a function anew.
INCIDENTS = (*("delivered again", "record again", "early deadline") * 3, "killed")


@dataclass
class Schedule:
    """What happens to one day: refusals of AWS, the model's misbehaviour, and incidents."""

    seed: int
    papers: int
    by_rss: bool
    refusals: list[tuple[str, str, str, dict[str, Any]]]
    misbehaviours: list[tuple[str, int, int]]
    incidents: list[tuple[str, int]]
    first: date = FIRST

    @classmethod
    def of(cls, seed: int, papers: int = 0) -> Schedule:
        """The schedule of a seed, of so many papers or of a few."""
        rng = random.Random(seed)
        papers = papers or rng.randint(1, 45)
        return cls(
            seed,
            papers,
            rng.random() < BY_RSS,
            [_refusal(rng) for _ in range(rng.randint(0, 3))],
            [
                (rng.choice(MISBEHAVIOURS), rng.randrange(papers), rng.randint(1, 2))
                for _ in range(rng.randint(0, 2))
            ],
            [(rng.choice(INCIDENTS), rng.randrange(100)) for _ in range(rng.randint(0, 3))],
        )

    def start(self, deployed: Deployed) -> Day:
        """Let the day begin, and everything happen to it."""
        day = Day.of(deployed, self.first + timedelta(self.seed), self.papers)
        for function, service, operation, effect in self.refusals:
            day.fail(function, service, operation, **effect)
        for kind, paper, times in self.misbehaviours:
            deployed.model.misbehave(kind, day.papers[paper].id, times)
        if self.by_rss:
            with day.published():
                self._fetch(day, day.announce)
        else:
            day.keep_feeds()
            self._fetch(day, day.rebuild)
        for kind, number in self.incidents:
            self._happen(day, kind, number)
        return day

    def _fetch(self, day: Day, fire: Callable[[], None]) -> None:
        fire()
        for _ in range(3):
            with suppress(AssertionError):
                day.deployed.wait(lambda: day.deployed.runs.sent(day.date), 30)
                return
            # Lambda has given up on the call: the next firing comes, an hour later.
            day.an_hour_passes()
            fire()
        day.queued()

    def finish(self, day: Day) -> None:
        """Wait for the day's end; raises ``AssertionError`` where it does not come."""
        runs = day.deployed.runs
        with suppress(AssertionError):
            day.deployed.wait(lambda: runs.remaining(day.date) == 0, 100)
        # A killed call whose message could not be hidden for a shorter time: an hour has passed.
        day.deployed.send_again(day.undone())
        day.until(lambda: runs.remaining(day.date) == 0)
        with suppress(AssertionError):
            day.deployed.wait(day.finished, 15)
        for _ in range(6):
            if day.finished():
                break
            # What SES refused or a killed call had claimed is a matter for the deadline.
            for reader in READERS:
                claim = runs.mail_claim(day.date, reader)
                if claim and claim.state == "SENDING":
                    day.minutes_later(reader)
            day.deadline()
            with suppress(AssertionError):
                day.deployed.wait(day.finished, 15)
        assert day.finished(), "the digest was never finished"

    def account(self, day: Day, taken: Iterable[tuple[str, str]]) -> Row:
        """What became of the day; raises ``AssertionError`` where it is not exact.

        ``taken`` are the mails that SES took.
        """
        runs = day.deployed.runs
        row = day.account(taken)
        assert (row.announced, row.archive) == (self.papers, True), row
        # Faults of AWS, deaths and repetitions alone leave no paper without a score.
        assert self.misbehaviours or row.failed == 0, row
        for reader in READERS:
            claim = runs.mail_claim(day.date, reader)
            assert claim is not None
            least = 0 if claim.state == "UNCERTAIN" else 1
            assert least <= row.mails.count(reader) <= 1, (reader, claim, row)
        return row

    def _happen(self, day: Day, kind: str, number: int) -> None:
        match kind:
            case "killed":
                day.deployed.kill(("Score", "Aggregate")[number % 2])
            case "delivered again":
                batches = day.batches()
                day.deployed.send_again(batches[number % len(batches) :])
            case "record again" if day.deployed.runs.remaining(day.date) == 0:
                with suppress(FunctionError):
                    day.counted_down_again()
            case "early deadline":
                day.deadline()


def _refusal(rng: random.Random) -> tuple[str, str, str, dict[str, Any]]:
    function, service = rng.choice(list(OPERATIONS))
    operation = rng.choice(OPERATIONS[function, service])
    # SES is tried six times, everything else eight times a call: nine times is an outage.
    times = rng.choice([1, 1, 2, 2, 3, 3, 4, 9])
    effect = rng.choice(
        [
            {"error": THROTTLED[service], "times": times},
            {"error": UNAVAILABLE[service], "times": times},
            {"response": {"abort_frac": 0.0}, "times": 1},
            {"latency": {"min": 100, "max": 2000}, "times": times},
        ]
    )
    return function, service, operation, effect
