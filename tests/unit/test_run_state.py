"""Any order and repetition of events, deaths and calls side by side, on the state of one run.

The real steps of score and aggregate work on a state in memory; ``tests/integration`` holds that
state to the table's rules.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import date
from email.headerregistry import Address
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from arxiv_digest import rendering
from arxiv_digest.adapters.mailer import MailRefused, MailUncertain
from arxiv_digest.batches import make_batches
from arxiv_digest.models import Digest, Scorer, ScorerKind, Tokens
from arxiv_digest.scoring import LanguageModelRefused, LanguageModelUnavailable, Prompt, Reply
from arxiv_digest.steps.aggregate import CLAIM_SECONDS, Aggregate, AggregateDone, MailState
from arxiv_digest.steps.score import Score
from tests.builders import DAY, NOW, a_run, papers
from tests.memory import Killed, MemoryArchive, MemoryRuns

READERS = ("one@example.org", "two@example.org")
PROFILE = """\
language: en
categories: [cs.LG]
fields: [{name: Pruning, description: pruning experts}]
"""
MODEL = st.sampled_from(["answers", "answers", "leaves out", "refuses", "is down"])
POST = st.sampled_from(["sends", "sends", "refuses", "says nothing", "dies before", "dies after"])


def _nothing() -> None:
    pass


class RunOfADay(RuleBasedStateMachine):
    """One run between a language model and a post that do as they are told."""

    @initialize(count=st.integers(0, 5), per_batch=st.integers(1, 3))
    def starts(self, count: int, per_batch: int) -> None:
        self.papers = papers(count)
        batches = make_batches(DAY, self.papers, per_batch)
        scorer = Scorer(kind=ScorerKind.LANGUAGE_MODEL, name="model")
        run = a_run(count, batches=len(batches), profile=PROFILE, scorer=scorer)
        self.runs = MemoryRuns(run, batches)
        self.archive = MemoryArchive(lambda: self.runs.before())
        self.sent: Counter[str] = Counter()
        self.told: list[MailState] = []
        self.model = "answers"
        self.post = "sends"
        self.batches = batches

    # ------------------------------------------------------------------ the world outside

    def ask(self, prompt: Prompt) -> Reply:
        if self.model == "refuses":
            raise LanguageModelRefused("the language model answered 401: no")
        if self.model == "is down":
            raise LanguageModelUnavailable("the language model could not be reached")
        ids = [line.partition(" | ")[0] for line in prompt.user.split("\n")[1:-1]]
        kept = ids[1:] if self.model == "leaves out" else ids
        answer = {
            "scores": [f"{paper_id}:8" for paper_id in kept],
            "reasons": [f"{paper_id}:1:It prunes." for paper_id in kept],
        }
        return Reply(json.dumps(answer), Tokens(total=1, calls=1))

    def send(self, message: EmailMessage, _: date) -> str:
        recipient = message["To"].addresses[0].addr_spec
        match self.post:
            case "refuses":
                raise MailRefused("not verified")
            case "dies before":
                raise Killed
            case "says nothing":
                raise MailUncertain("no answer")
        self.sent[recipient] += 1
        if self.post == "dies after":
            raise Killed
        return "an id"

    @property
    def steps(self) -> tuple[Score, Aggregate]:
        model = SimpleNamespace(ask=self.ask, mode="json-schema")
        post = SimpleNamespace(send=self.send)
        sender = Address("digest", addr_spec="digest@example.org")
        runs: Any = self.runs
        archive: Any = self.archive
        return (
            Score(runs, lambda *_: model),  # type: ignore[arg-type, return-value]
            Aggregate(
                runs, archive, lambda: post, lambda: sender, READERS, print, self.told.append
            ),  # type: ignore[arg-type]
        )

    # ------------------------------------------------------------------ what may happen

    @rule(model=MODEL, post=POST)
    def the_world_changes(self, model: str, post: str) -> None:
        self.model, self.post = model, post

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), dies=st.integers(-20, 8))
    def a_message_is_delivered(self, data: st.DataObject, dies: int) -> None:
        batch = data.draw(st.sampled_from(self.batches))
        self._until(dies, lambda: self.steps[0](batch))

    @precondition(lambda self: len(self.runs.done) == len(self.batches))
    @rule(dies=st.integers(-20, 30))
    def the_stream_tells_of_the_countdown(self, dies: int) -> None:
        self._until(dies, lambda: self.steps[1](DAY, NOW))

    @rule(dies=st.integers(-20, 30))
    def the_deadline_comes(self, dies: int) -> None:
        self._until(dies, lambda: self.steps[1](DAY, NOW))

    @precondition(lambda self: self.batches)
    @rule(data=st.data(), when=st.integers(0, 20))
    def a_batch_is_scored_while_the_digest_is_made(self, data: st.DataObject, when: int) -> None:
        batch = data.draw(st.sampled_from(self.batches))
        self._meanwhile(when, lambda: self.steps[0](batch))

    @rule(when=st.integers(0, 20))
    def two_calls_make_the_digest_at_the_same_time(self, when: int) -> None:
        self._meanwhile(when, lambda: self.steps[1](DAY, NOW))

    @rule(when=st.integers(0, 20))
    def the_run_is_finished_and_told_while_the_deadline_makes_the_digest(self, when: int) -> None:
        def finish() -> None:
            score, aggregate = self.steps
            for batch in self.batches:
                score(batch)
            aggregate(DAY, NOW)

        self._meanwhile(when, finish)

    @precondition(lambda self: self.runs.ledger_so_far["failed"])
    @rule(when=st.integers(0, 20))
    def what_failed_is_reopened_while_the_digest_is_made(self, when: int) -> None:
        def reopen() -> None:
            failed = {o.paper_id for o in self.runs.outcomes.values() if o.outcome == "failed"}
            for batch in self.batches:
                if failed & {paper.id for paper in batch.papers}:
                    self.runs.reopen(self.runs.run, batch.number)

        self._meanwhile(when, reopen)

    @rule()
    def time_passes(self) -> None:
        self.runs.clock += CLAIM_SECONDS

    def _until(self, dies: int, call: Callable[[], object]) -> None:
        """Call, and die before one of the accesses to table and archive (or not, below nothing)."""
        left = dies

        def before() -> None:
            nonlocal left
            left -= 1
            if left == -1:
                raise Killed

        self.runs.before = before
        with suppress(Killed, LanguageModelUnavailable):
            call()
        self.runs.before = _nothing

    def _meanwhile(self, when: int, other: Callable[[], object]) -> None:
        """Make the digest, and let another call run from start to end in the middle."""
        left = when

        def before() -> None:
            nonlocal left
            left -= 1
            if left == -1:
                self.runs.before = _nothing
                with suppress(Killed, LanguageModelUnavailable):
                    other()

        self.runs.before = before
        with suppress(Killed):
            self.steps[1](DAY, NOW)
        self.runs.before = _nothing

    # ------------------------------------------------------------------ what must hold

    @invariant()
    def the_ledger_adds_up(self) -> None:
        waiting = [
            paper
            for batch in self.batches
            if batch.number not in self.runs.done
            for paper in batch.papers
        ]
        known = {paper.id for paper in waiting} | self.runs.outcomes.keys()
        assert known == {paper.id for paper in self.papers}
        if self.runs.made:
            ledger = self.runs.made[1]
            assert ledger.announced == ledger.scored + ledger.failed == len(self.papers)

    @invariant()
    def completion_fires_once(self) -> None:
        most = 1 + self.runs.reopened
        assert self.runs.countdowns <= most
        assert bool(self.runs.countdowns) >= bool(self.batches and self._counted_down())

    @invariant()
    def nobody_has_two_mails(self) -> None:
        for recipient in READERS:
            assert self.sent[recipient] <= 1
            state = self.runs.claims.get(recipient, ("",))[0]
            assert state != "SENT" or self.sent[recipient] == 1
            assert state != "REFUSED" or self.sent[recipient] == 0

    def _counted_down(self) -> bool:
        return len(self.runs.done) == len(self.batches)

    def teardown(self) -> None:
        """Whatever happened, the day ends well: nothing lost, nobody without mail unnoticed."""
        if not hasattr(self, "runs"):
            return
        self.model = self.post = ""
        self.runs.before = _nothing
        score, aggregate = self.steps
        for batch in self.batches:
            score(batch)
        self.runs.clock += CLAIM_SECONDS
        aggregate(DAY, NOW)
        assert aggregate(DAY, NOW).done is AggregateDone.MADE_BEFORE
        assert self.runs.made is not None
        remaining, ledger = self.runs.made
        told = self.runs.ledger_so_far
        assert (remaining, ledger.scored, ledger.failed) == (0, told["scored"], told["failed"])
        archived = json.loads(self.archive.objects[f"{DAY}/digest.json"])
        assert archived["ledger"] == ledger.model_dump()
        for recipient in READERS:
            state = self.runs.claims[recipient][0]
            assert state == "UNCERTAIN" or (state == "SENT" and self.sent[recipient] == 1)
        states = [claim[0] for claim in self.runs.claims.values()]
        assert self.told.count(MailState.UNCERTAIN) >= states.count("UNCERTAIN")


@pytest.fixture(autouse=True)
def plain_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the forms that are looked at here are rendered, since many digests are made."""

    def one_file(digest: Digest, *_: object) -> list[tuple[str, bytes]]:
        return [(f"{digest.date}/digest.json", rendering.render_json(digest))]

    monkeypatch.setattr(rendering, "day_files", one_file)
    monkeypatch.setattr(rendering, "shared_files", lambda *_: [("index.html", b"")])

    def plain_mail(_: object, sender: Address, recipient: str, *__: object) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = sender, Address(addr_spec=recipient)
        return message

    monkeypatch.setattr(rendering, "render_mail", plain_mail)


TestRunOfADay = RunOfADay.TestCase
TestRunOfADay.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
