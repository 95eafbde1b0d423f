"""A run's state in memory: what the table keeps of it, by the same rules, without AWS."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from arxiv_digest.adapters.runs import MailClaim, Opening, Results
from arxiv_digest.models import (
    Batch,
    Day,
    Ledger,
    Outcome,
    PastScore,
    Run,
    Tokens,
    TriagedPart,
    Vote,
)


class Killed(Exception):
    """The end of a call in the middle of its work."""


@dataclass
class MemoryRuns:
    """The state of one run, with the methods of ``Runs`` that score and aggregate call.

    Before each of them ``before`` is called: it may kill the caller, or let others do something in
    between. ``countdowns`` counts how often the run was counted down to nothing.
    """

    run: Run
    queued: Sequence[Batch]
    clock: float = 0.0
    before: Callable[[], None] = lambda: None
    done: dict[int, Tokens] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    troubles: dict[int, str] = field(default_factory=dict)
    claims: dict[str, tuple[str, float, str]] = field(default_factory=dict)
    made: tuple[int, Ledger] | None = None
    mode: str | None = None
    reopened: int = 0
    spent: Tokens = field(default_factory=Tokens)
    countdowns: int = 0
    reserved: int = 0
    _days: dict[dt.date, Day] = field(default_factory=dict)

    @property
    def ledger_so_far(self) -> Counter[str]:
        """How many papers have which outcome."""
        return Counter(outcome.outcome for outcome in self.outcomes.values())

    def get(self, _: dt.date) -> Run | None:
        self.before()
        return self.run

    def batches(self, _: dt.date) -> list[Batch]:
        self.before()
        return list(self.queued)

    def triaged(self, _: dt.date) -> list[TriagedPart]:
        self.before()
        return []

    def votes_of(self, _: dt.date) -> list[Vote]:
        self.before()
        return []

    def history(self, _: Sequence[dt.date]) -> list[PastScore]:
        self.before()
        return []

    def reserve(self, _: dt.date, tokens: int, most: int) -> bool:
        self.before()
        if self.reserved + tokens > most:
            return False
        self.reserved += tokens
        return True

    def settle(self, _: dt.date, owed: int) -> None:
        self.before()
        self.reserved += owed

    def opening(self, batch: Batch) -> Opening:
        self.before()
        return Opening(batch.number in self.done, self.run, self.mode)

    def complete_batch(
        self, batch: Batch, outcomes: Sequence[Outcome], tokens: Tokens, owed: int = 0
    ) -> bool:
        self.before()
        if batch.number in self.done:
            return False
        self.reserved += owed
        self.done[batch.number] = tokens
        self.outcomes |= {outcome.paper_id: outcome for outcome in outcomes}
        self.countdowns += len(self.done) == len(self.queued)
        return True

    def reopen(self, run: Run, number: int | None = None) -> None:
        self.before()
        self.run = run
        self.reopened += 1
        self.made = None
        if number in self.done:
            self.spent += self.done.pop(number)

    def note_trouble(self, batch: Batch, why: str) -> None:
        self.before()
        self.troubles[batch.number] = why

    def results(self, day: dt.date) -> Results:
        remaining, reopened = self.remaining(day), self.reopened
        self.before()
        tokens = sum(self.done.values(), self.spent)
        return Results(dict(self.outcomes), tokens, dict(self.troubles), remaining, reopened)

    def remaining(self, _: dt.date) -> int:
        self.before()
        return len(self.queued) - len(self.done)

    def remember_response_mode(self, _: dt.date, mode: str) -> None:
        self.before()
        self.mode = mode

    def digest_made(self, _: dt.date) -> int | None:
        self.before()
        return self.made[0] if self.made else None

    def mark_digest_made(self, _: dt.date, results: Results, ledger: Ledger) -> None:
        self.before()
        better = self.made is None or self.made[0] >= results.remaining
        if better and results.reopened == self.reopened:
            self.made = (results.remaining, ledger)

    def claim_mail(self, _: dt.date, recipient: str) -> bool:
        self.before()
        if self.claims.get(recipient, ("REFUSED",))[0] != "REFUSED":
            return False
        self.claims[recipient] = ("SENDING", self.clock, "")
        return True

    def mail_claim(self, day: dt.date, recipient: str) -> MailClaim | None:
        return self.mail_claims(day).get(recipient)

    def mail_claims(self, _: dt.date) -> dict[str, MailClaim]:
        self.before()
        return {
            recipient: MailClaim(state, self.clock - then, detail)
            for recipient, (state, then, detail) in self.claims.items()
        }

    def settle_mail(self, _: dt.date, recipient: str, state: str, detail: str) -> None:
        self.before()
        self.claims[recipient] = (state, self.clock, detail)

    def record_day(self, day: Day) -> None:
        self.before()
        self._days[day.date] = day

    def days(self) -> list[Day]:
        self.before()
        return sorted(self._days.values(), key=lambda day: day.date)


@dataclass
class MemoryArchive:
    """The archive's objects, with the methods of ``Archive``; ``before`` is as in ``MemoryRuns``.

    ``requests`` counts what was asked for, ``written`` the bytes by key.
    """

    before: Callable[[], None] = lambda: None
    bucket: str = "archive"
    place: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    written: Counter[str] = field(default_factory=Counter)

    def write(self, key: str, body: str | bytes) -> None:
        self.before()
        content = body.encode() if isinstance(body, str) else body
        self.objects[key] = content
        self.requests["write"] += 1
        self.written[key] += len(content)

    def read(self, key: str) -> bytes | None:
        self.before()
        self.requests["read"] += 1
        return self.objects.get(key)

    def tags(self, prefix: str) -> dict[str, str]:
        self.before()
        self.requests["tags"] += 1
        found = {key: body for key, body in self.objects.items() if key.startswith(prefix)}
        return {key: sha256(body).hexdigest() for key, body in found.items()}
