"""Score with its real adapters and a language model over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from arxiv_digest.adapters import llm
from arxiv_digest.adapters.llm import LanguageModel
from arxiv_digest.adapters.queue import AFTER_DEATH, Queue
from arxiv_digest.adapters.runs import RunMissing, Runs
from arxiv_digest.batches import make_batches
from arxiv_digest.models import Batch, Failed, Outcome, Scored, Scorer, ScorerKind, Tokens
from arxiv_digest.scoring import LanguageModelUnavailable
from arxiv_digest.steps.score import Score, ScoreDone
from tests.builders import DAY, a_run, papers
from tests.integration.conftest import PROFILE, Cloud
from tests.language_model import (
    LanguageModelServer,
    language_model,
    true_reason,
    true_score,
)

KEY = "sk-very-secret"
MODEL = Scorer(kind=ScorerKind.LANGUAGE_MODEL, name="test-model")
CHINESE = PROFILE.replace("language: en", "language: zh")


class Scoring:
    """A run of batches on the emulated cloud, and the step that scores them."""

    def __init__(self, cloud: Cloud, server: LanguageModelServer, scorer: Scorer = MODEL) -> None:
        self.cloud = cloud
        self.server = server
        self.papers = papers(6)
        self.batches = make_batches(DAY, self.papers, 3)
        self.made: list[str | None] = []
        run = a_run(6, batches=2, scorer=scorer, profile=CHINESE)
        assert cloud.runs.create(run, self.batches)
        self.step = Score(cloud.runs, self._model)

    def _model(self, mode: str | None, name: str | None) -> LanguageModel:
        self.made.append(mode)
        return LanguageModel(self.server.base_url, name or "test-model", KEY, mode)

    def outcomes(self) -> dict[str, Outcome]:
        return self.cloud.runs.results(DAY).outcomes

    def assert_everything_stands_at_its_paper(self) -> None:
        for paper_id, outcome in self.outcomes().items():
            if isinstance(outcome, Scored):
                assert outcome.score == true_score(paper_id)
                assert outcome.reason in ("", true_reason(paper_id))


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm, "TIMEOUT", 2.0)


@pytest.fixture
def scoring(cloud: Cloud) -> Iterator[Scoring]:
    with language_model() as server:
        server.fields = ("Pruning", "Agents")
        yield Scoring(cloud, server)


def test_a_batch_is_scored_with_one_call_and_counted_down(scoring: Scoring) -> None:
    result = scoring.step(scoring.batches[0])
    assert (result.done, result.scored, result.failed) == (ScoreDone.SCORED, 3, 0)
    assert len(scoring.server.requests) == 1
    assert scoring.server.requests[0].authorization == f"Bearer {KEY}"
    results = scoring.cloud.runs.results(DAY)
    assert results.remaining == 1
    assert results.tokens == Tokens(prompt=30, completion=3, total=33, calls=1)
    assert results.outcomes.keys() == {paper.id for paper in scoring.papers[:3]}
    scoring.assert_everything_stands_at_its_paper()


def test_a_redelivered_batch_costs_nothing_and_counts_once(scoring: Scoring) -> None:
    scoring.step(scoring.batches[0])
    again = scoring.step(scoring.batches[0])
    assert again.done is ScoreDone.DONE_BEFORE
    assert len(scoring.server.requests) == 1
    assert scoring.cloud.runs.results(DAY).remaining == 1


def test_two_deliveries_scored_at_the_same_time_count_once(scoring: Scoring) -> None:
    batch = scoring.batches[0]
    outcomes = [Scored(paper_id=paper.id, score=5) for paper in batch.papers]
    others = [Scored(paper_id=paper.id, score=9) for paper in batch.papers]
    assert scoring.cloud.runs.complete_batch(batch, outcomes, Tokens(total=1))
    assert not scoring.cloud.runs.complete_batch(batch, others, Tokens(total=1))
    results = scoring.cloud.runs.results(DAY)
    assert results.remaining == 1
    assert results.tokens.total == 1
    assert {found.score for found in results.outcomes.values()} == {5}  # type: ignore[union-attr]


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError"])
def test_a_transaction_that_met_another_is_tried_again(scoring: Scoring, reason: str) -> None:
    client = scoring.cloud.runs._resource.meta.client
    real = client.transact_write_items
    met = [0]

    def meeting(**request: Any) -> Any:
        if len(request["TransactItems"]) == 1:
            return real(**request)
        met[0] += 1
        if met[0] < 3:
            raise ClientError(
                {
                    "Error": {"Code": "TransactionCanceledException", "Message": ""},
                    "CancellationReasons": [{"Code": "None"}, {"Code": reason}],
                },
                "TransactWriteItems",
            )
        return real(**request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "transact_write_items", meeting)
        scoring.step(scoring.batches[0])
    assert met[0] == 3
    assert scoring.cloud.runs.results(DAY).remaining == 1


@pytest.mark.parametrize(
    "kind",
    ["shuffled", "leaked labels", "fenced", "no usage", "out of range", "wrong field", "no schema"],
)
def test_what_can_be_mended_is_mended(scoring: Scoring, kind: str) -> None:
    scoring.server.misbehaviour = kind
    scoring.step(scoring.batches[0])
    outcomes = scoring.outcomes()
    assert len(outcomes) == 3
    for paper_id, outcome in outcomes.items():
        assert isinstance(outcome, Scored)
        assert outcome.reason == true_reason(paper_id)
        assert outcome.score == (10 if kind == "out of range" else true_score(paper_id))
        assert (outcome.field is None) == (kind == "wrong field")
    assert scoring.cloud.runs.results(DAY).tokens.unreported == (1 if kind == "no usage" else 0)


@pytest.mark.parametrize("kind", ["missing ids", "cut JSON", "swapped twice"])
def test_what_the_first_answer_leaves_out_is_asked_for_once_more(
    scoring: Scoring, kind: str
) -> None:
    scoring.server.misbehave(kind, scoring.papers[0].id)
    scoring.step(scoring.batches[0])
    first, second = scoring.server.requests
    assert set(second.ids) < set(first.ids)
    assert all(isinstance(outcome, Scored) for outcome in scoring.outcomes().values())
    assert len(scoring.outcomes()) == 3
    scoring.assert_everything_stands_at_its_paper()


@pytest.mark.parametrize("kind", ["wrong ids", "garbage", "refusal"])
def test_a_model_that_stays_useless_fails_its_papers_with_a_reason(
    scoring: Scoring, kind: str
) -> None:
    scoring.server.misbehaviour = kind
    result = scoring.step(scoring.batches[0])
    assert (result.scored, result.failed) == (0, 3)
    assert len(scoring.server.requests) == 2
    for outcome in scoring.outcomes().values():
        assert isinstance(outcome, Failed)
        assert "language model" in outcome.reason
    assert scoring.cloud.runs.results(DAY).remaining == 1


@pytest.mark.parametrize(
    ("kind", "said"), [("401", "401: .*Incorrect API key"), ("quota", "429: .*quota")]
)
def test_a_refusal_that_will_stay_fails_the_batch_at_once(
    scoring: Scoring, kind: str, said: str
) -> None:
    scoring.server.misbehaviour = kind
    assert scoring.step(scoring.batches[0]).failed == 3
    outcome = scoring.outcomes()[scoring.papers[0].id]
    assert isinstance(outcome, Failed)
    assert re.search(said, outcome.reason)


@pytest.mark.parametrize(
    ("kind", "said"), [("500", "answered 500"), ("401", "answered 401"), ("quota", "quota")]
)
def test_a_second_call_without_answer_keeps_what_the_first_one_answered(
    scoring: Scoring, kind: str, said: str
) -> None:
    scoring.server.misbehave("missing ids", scoring.papers[0].id)
    scoring.server.misbehave(kind, scoring.papers[1].id)
    result = scoring.step(scoring.batches[0])
    assert (result.scored, result.failed) == (1, 2)
    assert result.tokens.total == 33
    failed = [found for found in scoring.outcomes().values() if isinstance(found, Failed)]
    assert all(said in outcome.reason for outcome in failed)
    scoring.assert_everything_stands_at_its_paper()


def test_a_key_that_the_provider_repeats_is_not_shown(scoring: Scoring) -> None:
    scoring.server.misbehaviour = "401"
    scoring.step(scoring.batches[0])
    outcome = scoring.outcomes()[scoring.papers[0].id]
    assert isinstance(outcome, Failed)
    assert "Incorrect API key provided" in outcome.reason
    assert KEY not in outcome.reason


@pytest.mark.parametrize("kind", ["html", "a string", "no message"])
def test_a_server_of_another_protocol_is_named_as_such(scoring: Scoring, kind: str) -> None:
    scoring.server.misbehaviour = kind
    scoring.step(scoring.batches[0])
    outcome = scoring.outcomes()[scoring.papers[0].id]
    assert isinstance(outcome, Failed)
    assert "/v1" in outcome.reason or "no JSON" in outcome.reason


@pytest.mark.parametrize(("kind", "asked_to_wait"), [("429", 1.0), ("500", 0.0), ("slow", 0.0)])
def test_what_may_pass_leaves_the_batch_for_later(
    scoring: Scoring, kind: str, asked_to_wait: float
) -> None:
    scoring.server.misbehaviour = kind
    with pytest.raises(LanguageModelUnavailable) as raised:
        scoring.step(scoring.batches[0])
    assert raised.value.retry_after == asked_to_wait
    assert scoring.outcomes() == {}
    assert scoring.cloud.runs.results(DAY).remaining == 2
    assert len(scoring.server.requests) == 1, "the queue tries again, after a while"
    scoring.server.forget()
    assert scoring.step(scoring.batches[0]).scored == 3


def test_a_refused_schema_is_remembered_for_the_run(scoring: Scoring) -> None:
    scoring.server.misbehaviour = "no schema"
    scoring.step(scoring.batches[0])
    scoring.step(scoring.batches[1])
    formats = [request.response_format for request in scoring.server.requests]
    assert formats == ["json_schema", "json_object", "json_object"]
    assert scoring.made == [None, "json-object"]
    assert '"additionalProperties": false' in scoring.server.requests[1].prompt


def test_a_schema_that_is_taken_is_remembered_too(scoring: Scoring) -> None:
    scoring.step(scoring.batches[0])
    scoring.step(scoring.batches[1])
    assert scoring.made == [None, "json-schema"]


def test_a_server_that_is_not_there_leaves_the_batch_for_later(scoring: Scoring) -> None:
    scoring.server.base_url = "http://127.0.0.1:9/v1"
    with pytest.raises(LanguageModelUnavailable, match="could not be reached"):
        scoring.step(scoring.batches[0])


def test_the_local_scorer_scores_batches_as_places_of_the_whole_day(cloud: Cloud) -> None:
    with language_model() as server:
        scoring = Scoring(cloud, server, a_run(0).scorer)
        for batch in reversed(scoring.batches):
            scoring.step(batch)
        assert server.requests == []
    scores = [found.score for found in scoring.outcomes().values() if isinstance(found, Scored)]
    assert len(scores) == 6
    assert max(scores) > 8 > 1 > min(scores), "a batch by itself has but three places"
    assert cloud.runs.results(DAY).tokens == Tokens()
    assert cloud.runs.results(DAY).remaining == 0


def test_a_batch_of_no_run_is_an_error_that_says_so(cloud: Cloud) -> None:
    batch = make_batches(DAY, papers(1), 1)[0]
    step = Score(cloud.runs, lambda *_: pytest.fail("nothing to ask"))
    with pytest.raises(RunMissing, match="no run of 2026-01-22"):
        step(batch)
    with pytest.raises(RunMissing):
        cloud.runs.complete_batch(batch, [], Tokens())


class Hiding:
    """SQS as far as hiding messages goes: for how many seconds, each time."""

    def __init__(self) -> None:
        self.seconds: list[int] = []

    def change_message_visibility(self, **told: Any) -> None:
        self.seconds.append(told["VisibilityTimeout"])


def hidden(receives: int, problem: Exception) -> int:
    """For how long a message is hidden that failed at its nth delivery."""
    sqs: Any = Hiding()
    with pytest.raises(type(problem)), Queue(sqs, "url").handling("r", receives, 60, print):
        raise problem
    assert sqs.seconds[0] == 60 + AFTER_DEATH
    return int(sqs.seconds[1])


def test_a_failed_message_comes_back_after_ever_longer_waits() -> None:
    waits = [hidden(receives, ValueError()) for receives in range(1, 9)]
    assert waits == [15, 30, 60, 120, 240, 480, 900, 900]
    assert hidden(1, LanguageModelUnavailable("busy", retry_after=70)) == 70
    assert hidden(1, LanguageModelUnavailable("busy", retry_after=7200)) == 900


def test_a_message_that_was_handled_is_left_to_be_deleted() -> None:
    sqs: Any = Hiding()
    with Queue(sqs, "url").handling("r", 1, 60, print):
        pass
    assert sqs.seconds == [60 + AFTER_DEATH]


def test_every_item_of_a_run_expires_and_names_its_schema(cloud: Cloud) -> None:
    clock = 1_800_000_000.0
    runs = Runs(cloud.dynamodb, cloud.table, lambda: clock)
    batches = make_batches(DAY, papers(2), 1)
    runs.create(a_run(2, batches=2), batches)
    runs.mark_seen(papers(2), DAY)
    batch: Batch = batches[0]
    runs.complete_batch(batch, [Scored(paper_id="2601.00001", score=1)], Tokens())
    runs.note_trouble(batch, "broken")
    for item in cloud.items():
        assert item["schema_version"] == 1
        days = (int(item["expires_at"]) - clock) / 86_400
        assert days == (400 if item["pk"].startswith("SEEN#") else 90)
