"""The state in memory, which ``tests/unit/test_run_state.py`` rests on, does as the table does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from arxiv_digest.adapters.runs import Results, Runs
from arxiv_digest.batches import make_batches
from arxiv_digest.models import Batch, Failed, Ledger, Outcome, Tokens
from tests.builders import DAY, a_run, papers, scored
from tests.integration.conftest import Cloud
from tests.memory import MemoryRuns

READERS = st.sampled_from(["one@example.org", "two@example.org"])
BATCHES = st.integers(0, 2)
_days = count()

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("complete"), BATCHES, st.integers(0, 2), st.integers(-5, 5)),
        st.tuples(st.just("reserve"), st.integers(1, 12)),
        st.tuples(st.just("owe"), st.integers(-5, 5)),
        st.tuples(st.just("claim"), READERS),
        st.tuples(st.just("settle"), READERS, st.sampled_from(["SENT", "REFUSED", "UNCERTAIN"])),
        st.tuples(st.just("made"), st.integers(0, 3), st.integers(0, 1)),
        st.tuples(st.just("reopen"), st.sampled_from([None, 1, 2, 3])),
        st.tuples(st.just("trouble"), BATCHES),
        st.tuples(st.just("mode")),
        st.tuples(st.just("wait"), st.integers(1, 400)),
    ),
    max_size=15,
)


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_the_state_in_memory_does_as_the_table_does(cloud: Cloud, steps: list[Any]) -> None:
    day = DAY + timedelta(next(_days))
    batches = make_batches(day, papers(5), 2)
    run = a_run(5, date=day, batches=3)
    now = 1_000_000.0
    table = Runs(cloud.dynamodb, cloud.table, lambda: now)
    assert table.create(run, batches)
    memory = MemoryRuns(run, batches, clock=now)
    for step in steps:
        if step[0] == "wait":
            now += step[1]
            memory.clock = now
            continue
        call = _call(step, batches)
        assert call(table) == call(memory), step
        assert _seen(table, batches) == _seen(memory, batches), step


def _call(step: tuple[Any, ...], batches: Any) -> Callable[[Any], object]:
    day = batches[0].date
    match step:
        case "complete", number, failed, owed:
            batch = batches[number]
            outcomes: list[Outcome] = [
                Failed(paper_id=paper.id, reason="no JSON") if place < failed else scored(paper)
                for place, paper in enumerate(batch.papers)
            ]
            tokens = Tokens(total=10, calls=1)
            return lambda runs: runs.complete_batch(batch, outcomes, tokens, owed)
        case "reserve", tokens:
            return lambda runs: runs.reserve(day, tokens, 20)
        case "owe", tokens:
            return lambda runs: runs.settle(day, tokens)
        case "claim", reader:
            return lambda runs: runs.claim_mail(day, reader)
        case "settle", reader, state:
            return lambda runs: runs.settle_mail(day, reader, state, "why")
        case "made", remaining, reopened:
            ledger = Ledger(announced=5, scored=5 - remaining, triaged=0, failed=remaining)
            results = Results({}, Tokens(), {}, remaining, reopened)
            return lambda runs: runs.mark_digest_made(day, results, ledger)
        case "reopen", number:
            return lambda runs: runs.reopen(runs.get(day), number)
        case "trouble", number:
            return lambda runs: runs.note_trouble(batches[number], "500")
    return lambda runs: runs.remember_response_mode(day, "json-object")


def _seen(runs: Any, batches: Sequence[Batch]) -> tuple[object, ...]:
    day = batches[0].date
    return (
        runs.get(day),
        runs.batches(day),
        [runs.opening(batch) for batch in batches],
        runs.results(day),
        runs.remaining(day),
        runs.digest_made(day),
        runs.mail_claims(day),
        runs.mail_claim(day, "one@example.org"),
    )
