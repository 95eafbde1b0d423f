"""The three Lambdas, invoked in this process with the events of ``events/``."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest

from arxiv_digest.adapters import llm
from functions.aggregate import app as aggregate
from functions.fetch import app as fetch
from functions.score import app as score
from tests.builders import DAY, a_paper
from tests.export_api import export_api
from tests.feeds import feed, feed_server
from tests.integration.conftest import Cloud
from tests.language_model import LanguageModelServer, language_model

EVENTS = Path(__file__).parents[2] / "events"
CONTEXT: Any = SimpleNamespace(
    function_name="f",
    memory_limit_in_mb=128,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
    aws_request_id="1",
    get_remaining_time_in_millis=lambda: 60_000,
)


def event(name: str) -> dict[str, Any]:
    return dict(json.loads((EVENTS / f"{name}.json").read_text("utf-8")))


@pytest.fixture
def model(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[LanguageModelServer]:
    """The functions' environment, with a feed of one paper and a language model beside it."""
    for cached in (fetch.step, score.step, score.settings, score.queue, aggregate.step):
        cached.cache_clear()
    monkeypatch.setattr(llm, "TIMEOUT", 2.0)
    secrets = {"Name": "digests/key", "SecretString": "sk-from-the-secret\n"}
    boto3.client("secretsmanager").create_secret(**secrets)
    with feed_server() as arxiv, export_api() as api, language_model() as server:
        arxiv.feeds = {
            "cs.LG": feed("cs.LG", DAY, [a_paper(title="A paper on pruning")]),
            "cs.CV": feed("cs.CV", DAY),
        }
        variables = {
            "TABLE": cloud.table,
            "BUCKET": cloud.bucket,
            "QUEUE_URL": cloud.queue_url,
            "FEED_BASE_URL": arxiv.base_url,
            "FEED_INTERVAL": "0",
            "EXPORT_API_URL": api.url,
            "LLM_BASE_URL": server.base_url,
            "LLM_MODEL": "test-model",
            "LLM_SECRET": "digests/key",
            "SENDER_ADDRESS": "digest@example.org",
            "RECIPIENTS": "one@example.org, two@example.org,,one@example.org",
            "CONFIGURATION_SET": "digests",
        }
        for name, value in variables.items():
            monkeypatch.setenv(f"DIGEST_{name}", value)
        for app in (fetch, score, aggregate):
            monkeypatch.setattr(app.metrics.provider, "namespace", "ArxivDigest/test")
        yield server


def a_message(cloud: Cloud) -> dict[str, Any]:
    """The event with which Lambda hands over the queue's next message."""
    received = cloud.sqs.receive_message(QueueUrl=cloud.queue_url)["Messages"][0]
    told = event("score-batch")
    told["Records"][0] |= {"body": received["Body"], "receiptHandle": received["ReceiptHandle"]}
    return told


def test_a_day_by_the_events_of_the_repository(cloud: Cloud, model: LanguageModelServer) -> None:
    started = fetch.handler(event("fetch-by-hand"), CONTEXT)
    assert (started["done"], started["announced"]) == ("started", 1)
    assert score.handler(a_message(cloud), CONTEXT) == {"batchItemFailures": []}
    assert model.requests[0].authorization == "Bearer sk-from-the-secret"
    assert aggregate.handler(event("aggregate-counted-down"), CONTEXT) == {"batchItemFailures": []}
    assert "2026-01-22/mail/two@example.org.eml" in cloud.objects("2026-01-22/mail/")
    assert len(cloud.objects("2026-01-22/mail/")) == 2
    again = aggregate.handler(event("aggregate-deadline"), CONTEXT)
    assert again["done"] == "made-before"


def test_a_backfill_by_the_event_of_the_repository(
    cloud: Cloud, model: LanguageModelServer
) -> None:
    for category, listed in (("cs.LG", [a_paper()]), ("cs.CV", [])):
        cloud.archive.write(f"raw/{DAY}/{category}.xml", feed(category, DAY, listed))
    rebuilt = fetch.handler(event("fetch-backfill"), CONTEXT)
    assert (rebuilt["done"], rebuilt["date"], rebuilt["announced"]) == ("started", str(DAY), 1)
    score.handler(a_message(cloud), CONTEXT)
    aggregate.handler(event("aggregate-counted-down"), CONTEXT)
    assert f"{DAY}/digest.html" in cloud.objects()
    assert cloud.objects(f"{DAY}/mail/") == []


def test_logs_hold_no_key_no_address_and_no_abstract(
    cloud: Cloud, model: LanguageModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    logged = StringIO()
    for app in (fetch, score, aggregate):
        handler = logging.StreamHandler(logged)
        handler.setFormatter(app.logger.registered_formatter)
        app.logger.addHandler(handler)
    model.misbehaviour = "401"
    fetch.handler({}, CONTEXT)
    score.handler(a_message(cloud), CONTEXT)
    cloud.ses.delete_email_identity(EmailIdentity="digest@example.org")
    refused = aggregate.handler({"deadline": True, "date": "2026-01-22"}, CONTEXT)
    assert set(refused["mail"].values()) == {"refused"}
    printed = "".join([logged.getvalue(), *capsys.readouterr()])
    assert "SES refused the mail of 2026-01-22 to o" in printed
    for secret in ("sk-from-the-secret", "one@example.org", "two@example.org", "It prunes experts"):
        assert secret not in printed


@pytest.mark.parametrize("name", ["fetch-night", "fetch-last", "fetch-late"])
def test_every_firing_of_the_schedule_is_understood(
    cloud: Cloud, model: LanguageModelServer, name: str
) -> None:
    assert fetch.handler(event(name), CONTEXT)["done"] in ("waited", "started", "nothing")


def test_the_batch_event_is_a_batch_that_score_takes(
    cloud: Cloud, model: LanguageModelServer
) -> None:
    fetch.handler({}, CONTEXT)
    told = a_message(cloud)
    told["Records"][0]["body"] = event("score-batch")["Records"][0]["body"]
    assert score.handler(told, CONTEXT) == {"batchItemFailures": []}


def test_a_message_that_failed_is_named_and_comes_back_soon(
    cloud: Cloud, model: LanguageModelServer
) -> None:
    fetch.handler({}, CONTEXT)
    model.misbehaviour = "500"
    told = a_message(cloud)
    answer = score.handler(told, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": told["Records"][0]["messageId"]}]}
    assert "500" in cloud.runs.results(DAY).troubles[1]


def test_a_message_whose_function_is_killed_comes_back_soon_after(
    cloud: Cloud, model: LanguageModelServer
) -> None:
    fetch.handler({}, CONTEXT)
    told = a_message(cloud)
    hidden: list[float] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(score.queue()), "hide", lambda _, __, seconds: hidden.append(seconds))
        score.handler(told, CONTEXT)
    assert hidden == [60 + score.AFTER_DEATH]


@pytest.mark.parametrize("secret", ["sk-1", "sk-1\n", '{"key": "sk-1"}', '{"LLM_API_KEY":"sk-1 "}'])
def test_a_key_is_taken_from_text_or_from_the_consoles_key_and_value(secret: str) -> None:
    assert score.api_key(secret) == "sk-1"


def test_a_message_that_is_no_batch_is_named_too(cloud: Cloud, model: LanguageModelServer) -> None:
    fetch.handler({}, CONTEXT)
    told = a_message(cloud)
    told["Records"][0]["body"] = '{"no": "batch"}'
    assert len(score.handler(told, CONTEXT)["batchItemFailures"]) == 1


def test_a_deadline_without_run_is_reported(
    cloud: Cloud, model: LanguageModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert aggregate.handler({"deadline": True}, CONTEXT)["done"] == "no-run"
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [line["RunMissing"] for line in metrics] == [[1.0]]
    aggregate.handler({"deadline": True, "date": "2001-01-01"}, CONTEXT)
    metrics = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [line["RunMissing"] for line in metrics] == [[0.0]], "a person asked for that date"


def test_an_event_of_nobody_is_refused_by_name(cloud: Cloud, model: LanguageModelServer) -> None:
    with pytest.raises(ValueError, match="firing"):
        fetch.handler({"firing": "noon"}, CONTEXT)
    with pytest.raises(ValueError, match="a backfill needs the date"):
        fetch.handler({"firing": "backfill"}, CONTEXT)
    with pytest.raises(ValueError, match="is in the future"):
        fetch.handler({"firing": "backfill", "date": "2999-01-01"}, CONTEXT)
    with pytest.raises(ValueError, match="surprise"):
        aggregate.handler({"surprise": 1}, CONTEXT)
