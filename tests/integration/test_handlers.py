"""The three Lambdas, invoked in this process with the events of ``events/``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import base as parameters
from botocore.exceptions import ClientError

from arxiv_digest.adapters import llm
from arxiv_digest.adapters.queue import AFTER_DEATH
from arxiv_digest.adapters.runs import Runs
from arxiv_digest.adapters.secrets import KEY_SECONDS, Secrets
from arxiv_digest.batches import make_batches
from arxiv_digest.firings import EASTERN
from arxiv_digest.models import SCHEMA_VERSION, Failed, Scorer, ScorerKind, Tokens, Triaged
from functions.aggregate import app as aggregate
from functions.fetch import app as fetch
from functions.score import app as score
from functions.vote import app as vote
from tests.builders import DAY, a_paper, a_run, papers, scored
from tests.export_api import export_api
from tests.feeds import feed, feed_server
from tests.integration.conftest import PROFILE, Cloud
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
    for app in (fetch, score, aggregate):
        for made in vars(app).values():
            if hasattr(made, "cache_clear"):
                made.cache_clear()
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
            "PROFILE_QUEUE_URL": cloud.profile_queue_url,
            "DEADLINE_QUEUE_URL": cloud.deadline_queue_url,
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


def a_message(cloud: Cloud, queue_url: str = "") -> dict[str, Any]:
    """The event with which Lambda hands over the next message of a queue, of batches or another."""
    received = cloud.sqs.receive_message(QueueUrl=queue_url or cloud.queue_url)["Messages"][0]
    told = event("score-batch")
    told["Records"][0] |= {"body": received["Body"], "receiptHandle": received["ReceiptHandle"]}
    return told


def listen(monkeypatch: pytest.MonkeyPatch) -> StringIO:
    """What the functions log, as it would reach CloudWatch."""
    logged = StringIO()
    for app in (fetch, score, aggregate):
        monkeypatch.setattr(app.logger.registered_handler, "stream", logged)
    return logged


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
    cloud: Cloud,
    model: LanguageModelServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = listen(monkeypatch)
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


def two_profiles(cloud: Cloud, *names: str) -> None:
    """Named profiles instead of the single one, each with a recipient of its own."""
    cloud.s3.delete_object(Bucket=cloud.bucket, Key="config/profile.yaml")
    for name in names or ("theory", "vision"):
        text = f"name: {name}\nrecipients: [{name}@example.org]\n{PROFILE}"
        cloud.archive.write(f"config/profiles/{name}.yaml", text)


def test_a_day_of_two_profiles_by_messages(
    cloud: Cloud,
    model: LanguageModelServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = listen(monkeypatch)
    two_profiles(cloud)
    assert fetch.handler(event("fetch-by-hand"), CONTEXT)["profiles"] == ["vision"]
    message = a_message(cloud, cloud.profile_queue_url)
    assert fetch.handler(message, CONTEXT) == {"batchItemFailures": []}
    for _ in range(2):
        assert score.handler(a_message(cloud), CONTEXT) == {"batchItemFailures": []}
    for name in ("theory", "vision"):
        counted_down = event("aggregate-counted-down")
        counted_down["Records"][0]["dynamodb"]["Keys"]["pk"]["S"] = f"RUN#{DAY}#{name}"
        assert aggregate.handler(counted_down, CONTEXT) == {"batchItemFailures": []}
        mails = cloud.objects(f"profiles/{name}/{DAY}/mail/")
        assert mails == [f"profiles/{name}/{DAY}/mail/{name}@example.org.eml"]
    told = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert {line["profile"] for line in told if "profile" in line} == {"theory", "vision"}
    assert [record["MailSent"] for record in reported(capsys.readouterr().out)[-2:]] == [[1], [1]]


def test_the_deadline_of_many_profiles_goes_to_each_by_a_message(
    cloud: Cloud,
    model: LanguageModelServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    two_profiles(cloud)
    at(monkeypatch, DAY)
    fetch.handler(event("fetch-by-hand"), CONTEXT)
    assert aggregate.handler({"deadline": True}, CONTEXT)["profiles"] == ["theory", "vision"]
    capsys.readouterr()
    # The day after, when SQS delivers them at last, they are still about their own.
    at(monkeypatch, DAY + timedelta(days=1))
    for _ in range(2):
        message = a_message(cloud, cloud.deadline_queue_url)
        assert aggregate.handler(message, CONTEXT) == {"batchItemFailures": []}
    records = reported(capsys.readouterr().out)
    # Theory's run has its papers failed; vision's was never started.
    assert sorted(record["RunMissing"] for record in records) == [[0], [1]]
    assert f"profiles/theory/{DAY}/digest.html" in cloud.objects("profiles/theory/")
    assert cloud.objects("profiles/vision/") == []


def test_a_person_who_asks_for_a_date_of_many_profiles_raises_no_alarm(
    cloud: Cloud, model: LanguageModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.runs.note_profiles(DAY, ["theory", "vision"])
    aggregate.handler({"deadline": True, "date": str(DAY)}, CONTEXT)
    for _ in range(2):
        aggregate.handler(a_message(cloud, cloud.deadline_queue_url), CONTEXT)
    assert reported(capsys.readouterr().out) == []


def test_a_profile_that_cannot_be_used_is_counted_and_logged(
    cloud: Cloud,
    model: LanguageModelServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = listen(monkeypatch)
    two_profiles(cloud)
    cloud.archive.write("config/profiles/theory.yaml", "name: theory\ncategories: [cs.LG]")
    assert list(fetch.handler(event("fetch-by-hand"), CONTEXT)["refused"]) == ["theory"]
    assert reported(capsys.readouterr().out) == [{"ProfilesRefused": [1]}]
    assert "theory.yaml: fields is missing" in logged.getvalue()


@pytest.mark.parametrize("where", ["profiles", "deadlines"])
def test_a_message_of_a_profile_that_is_none_is_named(
    cloud: Cloud, model: LanguageModelServer, where: str
) -> None:
    told = event("score-batch")
    told["Records"][0]["body"] = '{"no": "profile"}'
    app = {"profiles": fetch, "deadlines": aggregate}[where]
    assert len(app.handler(told, CONTEXT)["batchItemFailures"]) == 1


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
        patch.setattr(type(score.queue()), "_hide", lambda _, __, seconds: hidden.append(seconds))
        score.handler(told, CONTEXT)
    assert hidden == [60 + AFTER_DEATH]


@pytest.mark.parametrize("secret", ["sk-1", "sk-1\n", '{"key": "sk-1"}', '{"LLM_API_KEY":"sk-1 "}'])
def test_a_key_is_taken_from_text_or_from_the_consoles_key_and_value(secret: str) -> None:
    assert score.api_key(secret) == "sk-1"


def test_a_rotated_key_is_taken_up_once_the_old_one_was_kept_for_its_time(
    cloud: Cloud, model: LanguageModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = boto3.client("secretsmanager")
    secrets.create_secret(Name="digests/rotated", SecretString="sk-old")
    monkeypatch.setenv("DIGEST_LLM_SECRET", "digests/rotated")
    batches = make_batches(DAY, papers(3), 1)
    scorer = Scorer(kind=ScorerKind.LANGUAGE_MODEL, name="test-model")
    assert cloud.runs.create(a_run(3, profile=PROFILE, batches=3, scorer=scorer), batches)
    cloud.queue.send(batches)
    score.handler(a_message(cloud), CONTEXT)
    secrets.put_secret_value(SecretId="digests/rotated", SecretString="sk-new")
    score.handler(a_message(cloud), CONTEXT)

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + timedelta(seconds=KEY_SECONDS + 1)

    monkeypatch.setattr(parameters, "datetime", Later)
    score.handler(a_message(cloud), CONTEXT)

    keys = {request.ids: request.authorization for request in model.requests}
    assert list(keys.values()) == ["Bearer sk-old", "Bearer sk-old", "Bearer sk-new"]


def test_a_message_that_is_no_batch_is_named_too(cloud: Cloud, model: LanguageModelServer) -> None:
    fetch.handler({}, CONTEXT)
    told = a_message(cloud)
    told["Records"][0]["body"] = '{"no": "batch"}'
    assert len(score.handler(told, CONTEXT)["batchItemFailures"]) == 1


def test_a_newer_versions_message_waits_for_that_version(
    cloud: Cloud, model: LanguageModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = listen(monkeypatch)
    fetch.handler({}, CONTEXT)
    told = a_message(cloud)
    [record] = told["Records"]
    newer = {**json.loads(record["body"]), "schema_version": SCHEMA_VERSION + 1}
    record["body"] = json.dumps(newer)
    answer = score.handler(told, CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    assert f"is of schema version {SCHEMA_VERSION + 1}" in logged.getvalue()
    assert model.requests == []


def reported(printed: str) -> list[dict[str, Any]]:
    """The metric records among what was printed, by name and value (a list of every value)."""
    records = [json.loads(line) for line in printed.splitlines() if '"_aws"' in line]
    return [
        {
            metric["Name"]: record[metric["Name"]]
            for told in record["_aws"]["CloudWatchMetrics"]
            for metric in told["Metrics"]
        }
        for record in records
    ]


def at(monkeypatch: pytest.MonkeyPatch, day: date) -> None:
    """Let aggregate's clock stand at noon of a date in US Eastern time."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(day.year, day.month, day.day, 12, tzinfo=EASTERN).astimezone(tz)

    monkeypatch.setattr(aggregate, "datetime", Clock)


def test_a_digests_whole_ledger_is_one_record_that_adds_up(
    cloud: Cloud, model: LanguageModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    batches = make_batches(DAY, papers(8), 3)
    assert cloud.runs.create(a_run(8, profile=PROFILE, batches=3), batches)
    for batch in batches[:2]:
        cloud.runs.complete_batch(
            batch,
            [
                scored(batch.papers[0], 9),
                Triaged(paper_id=batch.papers[1].id, rank=1),
                Failed(paper_id=batch.papers[2].id, reason="no"),
            ],
            Tokens(),
        )
    aggregate.handler(event("aggregate-deadline"), CONTEXT)
    out = capsys.readouterr().out
    [record] = reported(out)
    assert record == {
        "Announced": [8],
        "Scored": [2],
        "Triaged": [2],
        "Failed": [4],
        "FailedShare": [50],
        "Recommended": [2],
        "ScoredLocally": [0],
        "MailSent": [1, 1],
    }
    [emf] = [json.loads(line) for line in out.splitlines() if '"_aws"' in line]
    assert emf["service"] == "aggregate"
    [told] = emf["_aws"]["CloudWatchMetrics"]
    assert (told["Namespace"], told["Dimensions"]) == ("ArxivDigest/test", [["service"]])
    units = {metric["Name"]: metric["Unit"] for metric in told["Metrics"]}
    assert units.pop("FailedShare") == "Percent"
    assert set(units.values()) == {"Count"}


def test_a_day_without_papers_has_failed_none_of_them(
    cloud: Cloud, model: LanguageModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cloud.runs.create(a_run(0, profile=PROFILE, batches=0), [])
    aggregate.handler(event("aggregate-counted-down"), CONTEXT)
    [record] = reported(capsys.readouterr().out)
    assert (record["Announced"], record["FailedShare"]) == ([0], [0])


def test_score_reports_the_seconds_and_tokens_of_a_batch_that_was_counted_down(
    cloud: Cloud, model: LanguageModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch.handler({}, CONTEXT)
    told = a_message(cloud)
    capsys.readouterr()
    model.misbehaviour = "500"
    score.handler(told, CONTEXT)
    model.misbehaviour = ""
    score.handler(told, CONTEXT)
    score.handler(told, CONTEXT)
    out = capsys.readouterr().out
    failed, done, again = reported(out)
    assert failed == {"Redelivered": [1]}
    assert 0 < done.pop("BatchSeconds")[0] < 10
    tokens = cloud.runs.results(DAY).tokens
    assert done == {"Tokens": [tokens.total], "CachedTokens": [tokens.cached]}
    assert tokens.total
    assert again == {"Tokens": [0], "CachedTokens": [0]}, "it was counted down before"
    assert '{"Name":"BatchSeconds","Unit":"Seconds"}' in out.replace(" ", "")


def test_a_deadline_without_run_is_reported(
    cloud: Cloud,
    model: LanguageModelServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at(monkeypatch, DAY)
    assert aggregate.handler({"deadline": True}, CONTEXT)["done"] == "no-run"
    [record] = reported(capsys.readouterr().out)
    assert (record["RunMissing"], record["DigestReady"]) == ([1], [0])
    aggregate.handler({"deadline": True, "date": "2001-01-01"}, CONTEXT)
    assert reported(capsys.readouterr().out) == [], "a person asked for that date"


@pytest.mark.parametrize("days", [2, 3])
def test_a_weekends_deadline_is_a_sign_of_life_and_nothing_else(
    cloud: Cloud,
    model: LanguageModelServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    days: int,
) -> None:
    at(monkeypatch, DAY + timedelta(days=days))
    assert aggregate.handler({"deadline": True}, CONTEXT)["done"] == "no-run"
    [record] = reported(capsys.readouterr().out)
    assert (record["RunMissing"], record["DigestReady"]) == ([0], [1])
    assert "MailSent" not in record
    assert cloud.objects("2026") == []


@pytest.mark.parametrize("before", [True, False])
def test_the_deadline_tells_that_the_day_has_its_digest_made_now_or_before(
    cloud: Cloud,
    model: LanguageModelServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    before: bool,
) -> None:
    at(monkeypatch, DAY)
    assert cloud.runs.create(a_run(0, profile=PROFILE, batches=0), [])
    if before:
        aggregate.handler(event("aggregate-counted-down"), CONTEXT)
        [record] = reported(capsys.readouterr().out)
        assert record["DigestReady"] == [1], "the stream's digest of today tells it, too"
    answer = aggregate.handler({"deadline": True}, CONTEXT)
    assert answer["done"] == ("made-before" if before else "made")
    [record] = reported(capsys.readouterr().out)
    assert (record["DigestReady"], record["RunMissing"]) == ([1], [0])


def test_a_digest_of_another_day_says_nothing_of_today(
    cloud: Cloud,
    model: LanguageModelServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at(monkeypatch, DAY + timedelta(days=1))
    assert cloud.runs.create(a_run(0, profile=PROFILE, batches=0), [])
    for name in ("aggregate-counted-down", "aggregate-deadline"):
        aggregate.handler(event(name), CONTEXT)
    [record] = reported(capsys.readouterr().out)
    assert not {"RunMissing", "DigestReady"} & set(record)


def test_the_deadline_tells_of_claims_that_died_calls_left_open(
    cloud: Cloud,
    model: LanguageModelServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    an_hour_ago = Runs(cloud.dynamodb, cloud.table, lambda: time.time() - 3600)
    assert an_hour_ago.claim_mail(DAY, "one@example.org")
    at(monkeypatch, DAY + timedelta(days=3))
    told = []
    for _ in range(2):
        aggregate.handler({"deadline": True}, CONTEXT)
        [record] = reported(capsys.readouterr().out)
        told.append(sum(record.get("MailUncertain", [0])))
    assert told == [1, 0]


def test_every_line_of_a_days_logs_carries_its_date(
    cloud: Cloud, model: LanguageModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged = listen(monkeypatch)
    day = str(DAY)

    def dates() -> set[str | None]:
        lines = [json.loads(line) for line in logged.getvalue().splitlines()]
        logged.seek(0)
        logged.truncate()
        assert lines
        return {line.get("correlation_id") for line in lines}

    fetch.handler({}, CONTEXT)
    assert dates() == {day}
    told = a_message(cloud)
    model.misbehaviour = "500"
    score.handler(told, CONTEXT)
    assert dates() == {day}, "the message failed"
    told["Records"].append({**told["Records"][0], "body": '{"no": "batch"}'})
    model.misbehaviour = ""
    score.handler(told, CONTEXT)
    assert dates() == {day, None}, "the second message is nobody's"
    cloud.ses.delete_email_identity(EmailIdentity="digest@example.org")
    aggregate.handler(event("aggregate-counted-down"), CONTEXT)
    assert dates() == {day}
    broken = event("aggregate-counted-down")
    broken["Records"][0]["dynamodb"]["Keys"]["pk"]["S"] = "RUN#2026-01-23"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runs, "get", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            aggregate.handler(broken, CONTEXT)
    assert dates() == {"2026-01-23"}, "the record failed"
    for app in (fetch, score, aggregate):
        app.logger.append_keys(left="over")
    with pytest.raises(ValueError, match="surprise"):
        aggregate.handler({"surprise": 1}, CONTEXT)
    aggregate.logger.info("nothing is known of a day yet")
    assert dates() == {None}, "the state of the call before is gone"


def test_an_event_of_nobody_is_refused_by_name(cloud: Cloud, model: LanguageModelServer) -> None:
    with pytest.raises(ValueError, match="firing"):
        fetch.handler({"firing": "noon"}, CONTEXT)
    with pytest.raises(ValueError, match="a backfill needs the date"):
        fetch.handler({"firing": "backfill"}, CONTEXT)
    with pytest.raises(ValueError, match="is in the future"):
        fetch.handler({"firing": "backfill", "date": "2999-01-01"}, CONTEXT)
    with pytest.raises(ValueError, match="surprise"):
        aggregate.handler({"surprise": 1}, CONTEXT)


def test_a_digest_that_could_not_be_made_is_given_back_to_the_stream(
    cloud: Cloud, model: LanguageModelServer
) -> None:
    fetch.handler({}, CONTEXT)
    score.handler(a_message(cloud), CONTEXT)
    keys = cloud.objects()
    cloud.s3.delete_objects(Bucket=cloud.bucket, Delete={"Objects": [{"Key": k} for k in keys]})
    cloud.s3.delete_bucket(Bucket=cloud.bucket)
    with pytest.raises(ClientError, match="NoSuchBucket"):
        aggregate.handler(event("aggregate-counted-down"), CONTEXT)


def test_an_uncertain_mail_is_told_although_the_call_then_fails(
    cloud: Cloud,
    model: LanguageModelServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetch.handler({}, CONTEXT)
    score.handler(a_message(cloud), CONTEXT)
    an_hour_ago = Runs(cloud.dynamodb, cloud.table, lambda: time.time() - 3600)
    assert an_hour_ago.claim_mail(DAY, "one@example.org")
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Runs, "mark_digest_made", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            aggregate.handler(event("aggregate-counted-down"), CONTEXT)
    [record] = reported(capsys.readouterr().out)
    assert record["MailUncertain"] == [1]


@pytest.mark.parametrize("kept", [True, False], ids=["with its key", "without"])
def test_where_readers_vote_a_digest_has_links_and_comes_without_them_where_their_key_cannot_be_had(
    cloud: Cloud,
    model: LanguageModelServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kept: bool,
) -> None:
    monkeypatch.setenv("DIGEST_VOTE_ADDRESS", "https://vote.example/")
    monkeypatch.setenv("DIGEST_VOTE_SECRET", "votes")
    asked: list[str] = []
    original = Secrets.text

    def noted(self: Secrets, name: str) -> str:
        asked.append(name)
        return original(self, name)

    monkeypatch.setattr(Secrets, "text", noted)
    if kept:
        boto3.client("secretsmanager").create_secret(Name="votes", SecretString="k" * 64)
    fetch.handler(event("fetch-by-hand"), CONTEXT)
    score.handler(a_message(cloud), CONTEXT)
    assert aggregate.handler(event("aggregate-counted-down"), CONTEXT) == {"batchItemFailures": []}
    for key in ("2026-01-22/digest.html", "latest.html", "2026-01-22/mail/two@example.org.eml"):
        written = cloud.archive.read(key)
        assert written is not None
        assert (
            b"https://vote.example/?v=" in written.replace(b"=\r\n", b"").replace(b"=3D", b"=")
        ) is kept
    missing = [
        record["LinksMissing"]
        for record in reported(capsys.readouterr().out)
        if "LinksMissing" in record
    ]
    assert missing == ([] if kept else [[1]])
    # The deadline finds the digest made, and closes claims: neither has use for a key.
    made = aggregate.handler(event("aggregate-deadline"), CONTEXT)
    assert made["done"] == "made-before"
    assert asked.count("votes") == 1


@pytest.mark.parametrize("app", [score, aggregate, vote])
def test_a_secrets_manager_that_does_not_answer_is_given_up_within_ten_seconds(
    app: Any, monkeypatch: pytest.MonkeyPatch, cloud: Cloud
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "8")  # as the template says of everything else
    app.secrets.cache_clear()
    told = app.secrets()._provider.client.meta.config
    attempts = told.retries["total_max_attempts"]
    assert attempts > 1
    assert attempts * (told.connect_timeout + told.read_timeout) <= 10
