"""The runs table by itself: what is counted, and what a lost answer must not change."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from arxiv_digest.adapters.runs import Runs
from arxiv_digest.batches import make_batches
from arxiv_digest.models import Failed, Ledger, Scorer, ScorerKind, Tokens
from tests.builders import DAY, a_run, papers, scored
from tests.integration.conftest import Cloud


def lose_an_answer(cloud: Cloud, operation: str) -> list[int]:
    """Let the SDK repeat a request that had succeeded; returns the list of the times it did."""
    repeated: list[int] = []

    def again(attempts: int, **_: Any) -> float | None:
        if repeated:
            return None
        repeated.append(attempts)
        return 0

    client = cloud.dynamodb.meta.client
    client.meta.events.register_first(f"needs-retry.dynamodb.{operation}", again)
    return repeated


def a_run_of_two_batches(cloud: Cloud) -> None:
    batches = make_batches(DAY, papers(4), 2)
    assert cloud.runs.create(a_run(4, batches=2), batches)


@pytest.mark.parametrize(
    "write",
    [
        lambda runs: runs.create(a_run(4, batches=2), make_batches(DAY, papers(4), 2)),
        lambda runs: runs.claim_mail(DAY, "one@example.org"),
    ],
    ids=["a run", "a claim"],
)
def test_a_write_whose_answer_was_lost_is_known_for_ones_own(
    cloud: Cloud, write: Callable[[Any], bool]
) -> None:
    repeated = lose_an_answer(cloud, "PutItem")
    assert write(cloud.runs)
    assert repeated
    assert not write(cloud.runs), "the second is another's"


def test_a_run_counts_its_papers_with_its_batches(cloud: Cloud) -> None:
    a_run_of_two_batches(cloud)
    first, second = cloud.runs.batches(DAY)
    cloud.runs.complete_batch(first, [scored(paper) for paper in first.papers], Tokens())
    failed = Failed(paper_id=second.papers[1].id, reason="no JSON")
    for _ in range(2):
        cloud.runs.complete_batch(second, [scored(second.papers[0]), failed], Tokens())

    [run] = [item for item in cloud.items("RUN#") if item["sk"] == "RUN"]
    names = ("announced", "scored", "triaged", "failed", "remaining")
    assert {name: int(run[name]) for name in names} == {
        "announced": 4,
        "scored": 3,
        "triaged": 0,
        "failed": 1,
        "remaining": 0,
    }


def test_the_ledger_of_the_digest_that_was_made_stands_beside_the_run(cloud: Cloud) -> None:
    a_run_of_two_batches(cloud)
    results = cloud.runs.results(DAY)
    for remaining, failed in ((0, 1), (1, 2)):
        ledger = Ledger(announced=4, scored=4 - failed, triaged=0, failed=failed)
        cloud.runs.mark_digest_made(DAY, results._replace(remaining=remaining), ledger)

    [made] = [item for item in cloud.items("RUN#") if item["sk"] == "DIGEST"]
    assert (int(made["remaining"]), int(made["scored"]), int(made["failed"])) == (0, 3, 1)


def test_a_batch_that_is_counted_down_while_a_run_is_read_is_not_taken_for_read(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_run_of_two_batches(cloud)
    first, second = cloud.runs.batches(DAY)
    cloud.runs.complete_batch(first, [scored(paper) for paper in first.papers], Tokens())
    runs = cloud.runs
    plain = runs._query

    def between_pages(partition: str, where: Any) -> Any:
        for item in plain(partition, where):
            if item["sk"].startswith("PAPER#"):
                cloud.runs.complete_batch(second, [scored(p) for p in second.papers], Tokens())
            yield item

    monkeypatch.setattr(runs, "_query", between_pages)
    results = runs.results(DAY)
    assert len(results.outcomes) == 2
    assert results.remaining == 1
    assert cloud.runs.remaining(DAY) == 0


def test_history_has_a_paper_once_that_two_fetches_had_queued(cloud: Cloud) -> None:
    scorer = Scorer(kind=ScorerKind.LANGUAGE_MODEL, name="model")
    run = a_run(4, batches=2, scorer=scorer)
    batches = make_batches(DAY, papers(4), 2)
    at_the_same_time = Runs(cloud.dynamodb, cloud.table, lambda: time.time() - 1)
    assert cloud.runs.create(run, batches)
    assert not at_the_same_time.create(run, batches)
    for batch in batches:
        cloud.runs.complete_batch(batch, [scored(paper) for paper in batch.papers], Tokens())
    assert [past.paper for past in cloud.runs.history([DAY])] == papers(4)


def test_a_digest_of_a_run_that_was_reopened_meanwhile_is_not_noted(cloud: Cloud) -> None:
    a_run_of_two_batches(cloud)
    for batch in cloud.runs.batches(DAY):
        cloud.runs.complete_batch(batch, [scored(paper) for paper in batch.papers], Tokens())
    results = cloud.runs.results(DAY)
    run = cloud.runs.get(DAY)
    assert run is not None
    cloud.runs.reopen(run, 1)
    cloud.runs.mark_digest_made(DAY, results, Ledger(announced=4, scored=4, triaged=0, failed=0))
    assert cloud.runs.digest_made(DAY) is None


def test_a_run_with_papers_is_never_discarded(cloud: Cloud) -> None:
    assert cloud.runs.create(a_run(0, batches=0), [])
    assert cloud.runs.discard(DAY)
    a_run_of_two_batches(cloud)
    assert not cloud.runs.discard(DAY)
    assert cloud.runs.get(DAY) is not None
