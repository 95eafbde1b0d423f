"""Days of the three functions in this process, on AWS as moto emulates it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

import boto3
from moto import mock_aws
from moto.dynamodb.models.table import Table

from arxiv_digest.adapters.archive import PROFILE_KEY, PROFILES_PREFIX, place_of
from arxiv_digest.adapters.mailer import ONE_ATTEMPT
from arxiv_digest.firings import EASTERN, days_before
from arxiv_digest.models import Paper
from arxiv_digest.profile import load_profile
from benchmarks import tokens
from benchmarks.meter import Meter, Usage
from functions.aggregate import app as aggregate
from functions.fetch import app as fetch
from functions.score import app as score
from local.emulator import ROOT
from tests.feeds import FeedServer, feed, feed_server
from tests.integration.conftest import resources
from tests.language_model import language_model

FIRST = date(2026, 1, 21)
"""The day that passes first."""

FIRINGS = (
    *(("night", hour) for hour in (0.5, 1.5, 2.5, 3.5)),
    ("last", 4.0),
    ("deadline", 6.0),
    *(("late", hour) for hour in (12.0, 20.0)),
)
"""The hours, US Eastern, at which the template fires fetch, or aggregate at the deadline."""


class Announced(NamedTuple):
    """A day's papers, and score and reason of each by id."""

    papers: list[Paper]
    scores: dict[str, float]
    reasons: dict[str, str]


def announced(seed: tokens.Day, count: int, first: int) -> Announced:
    """A day of so many papers, made of a real one's under ids from a number on."""
    papers, scores, reasons = [], {}, {}
    for number in range(count):
        known = seed.papers[number % len(seed.papers)]
        paper = known.model_copy(update={"id": f"2602.{first + number:05d}"})
        told = seed.recommended.get(known.id)
        papers.append(paper)
        scores[paper.id] = told.score if told else 3
        reasons[paper.id] = told.reason if told else ""
    return Announced(papers, scores, reasons)


class Stack:
    """The functions on the emulated cloud, with servers that stand for arXiv and for a model.

    It has one profile with so many readers, or many ``profiles`` with a reader each, all of which
    read the same papers.
    """

    def __init__(self, seed: tokens.Day, readers: int = 0, *, profiles: int = 0) -> None:
        self._seed = seed
        self._readers = [f"reader{number:05d}@example.org" for number in range(readers)]
        self._names = [f"profile{number:05d}" for number in range(profiles)] or [""]
        self._text = (ROOT / "profile.yaml").read_text("utf-8")
        self.profile = load_profile(self._text)
        self._papers = 0
        self._day = FIRST
        self._until = ExitStack()

    def __enter__(self) -> Stack:
        enter = self._until.enter_context
        enter(patch.dict(os.environ))
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ["AWS_DEFAULT_REGION"] = "us-east-1"
        enter(mock_aws())
        self._arxiv: FeedServer = enter(feed_server())
        self._model = enter(language_model())
        self._model.fields = tuple(field.name for field in self.profile.fields)
        ses = boto3.client("sesv2", config=ONE_ATTEMPT)
        self.cloud = resources(
            boto3.resource("dynamodb"), boto3.client("s3"), boto3.client("sqs"), ses
        )
        # Of each transaction moto copies the table for each item, should it fail; none does. A new
        # table is a copy, too.
        enter(patch.object(Table, "__deepcopy__", lambda table, _: table, create=True))
        boto3.client("secretsmanager").create_secret(Name="digests/key", SecretString="a key")
        self._meter = Meter(self.cloud.table)
        variables = {
            "TABLE": self.cloud.table,
            "BUCKET": self.cloud.bucket,
            "QUEUE_URL": self.cloud.queue_url,
            "PROFILE_QUEUE_URL": self.cloud.profile_queue_url,
            "DEADLINE_QUEUE_URL": self.cloud.deadline_queue_url,
            "FEED_BASE_URL": self._arxiv.base_url,
            "FEED_INTERVAL": "0",
            "EXPORT_API_URL": "http://127.0.0.1:9/api/query",
            "LLM_BASE_URL": self._model.base_url,
            "LLM_MODEL": "a model",
            "LLM_SECRET": "digests/key",
            "SENDER_ADDRESS": "digest@example.org",
            "RECIPIENTS": ",".join(self._readers),
            "CONFIGURATION_SET": "digests",
        }
        os.environ |= {f"DIGEST_{name}": told for name, told in variables.items()}
        for app in (fetch, score, aggregate):
            enter(patch.object(app.metrics.provider, "namespace", "ArxivDigest/bench"))
        self.configure("a model", 1.0)
        return self

    def __exit__(self, *why: object) -> None:
        self._until.close()

    def configure(self, model: str, keep: float) -> None:
        """Let the next days be scored by a model, or without where it has no name."""
        os.environ["DIGEST_LLM_MODEL"] = model
        text = self._text.replace("triage: {keep: 1.0}", f"triage: {{keep: {keep}}}")
        # That of the tests would be one more.
        self.cloud.s3.delete_object(Bucket=self.cloud.bucket, Key=PROFILE_KEY)
        for name in self._names:
            own = f"name: {name}\nrecipients: [{name}@example.org]\n" if name else ""
            key = f"{PROFILES_PREFIX}{name}.yaml" if name else PROFILE_KEY
            self.cloud.archive.write(key, f"{own}{text}")
        # What the functions keep for as long as an execution environment lives.
        for app in (fetch, score, aggregate):
            for made in vars(app).values():
                if hasattr(made, "cache_clear"):
                    made.cache_clear()

    def pass_day(self, count: int) -> Usage:
        """Let the next day pass, from the first firing to the deadline, and say what it took."""
        told = announced(self._seed, count, self._papers)
        self._papers += count
        self._publish(told.papers)
        self._meter.usage = Usage()
        with (
            patch("tests.language_model.true_score", told.scores.get),
            patch("tests.language_model.true_reason", told.reasons.get),
        ):
            first, *others = FIRINGS
            self._fire(*first)
            self._start()
            self._score()
            self._aggregate()
            for firing in others:
                self._fire(*firing)
        usage = self._meter.usage
        usage.asked = len(self._model.requests)
        self._model.forget()
        for name in self._names:
            [day] = [day for day in self.cloud.runs.of(name).days() if day.date == self._day]
            assert (day.announced, day.failed) == (count, 0), day
        self._day = next(
            day for back in range(1, 5) if (day := self._day + timedelta(back)).weekday() < 5
        )
        return usage

    def repeat(self, count: int) -> None:
        """Let the archive have the newest day as many times more, on the days before it.

        That of each profile, where there are many.
        """
        for name in self._names:
            self._repeat(name, count)

    def _repeat(self, name: str, count: int) -> None:
        [newest] = [day.date for day in self.cloud.runs.of(name).days()]
        table = boto3.session.Session().client("dynamodb")
        items: list[Any] = []
        for kind in (f"RUN#{newest}", "DAYS"):
            pages = table.get_paginator("query").paginate(
                TableName=self.cloud.table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": f"{kind}#{name}" if name else kind}},
            )
            items += (item for page in pages for item in page["Items"])
        place = place_of(name)
        papers = self.cloud.archive.read(f"{place}{newest}/papers.json") or b""
        for earlier in days_before(newest, count):
            copied = json.loads(json.dumps(items).replace(str(newest), str(earlier)))
            puts = [{"PutRequest": {"Item": item}} for item in copied]
            for start in range(0, len(puts), 25):
                request = {self.cloud.table: puts[start : start + 25]}
                table.batch_write_item(RequestItems=request)
            body = papers.decode().replace(str(newest), str(earlier))
            self.cloud.archive.write(f"{place}{earlier}/papers.json", body)

    def _publish(self, papers: Iterable[Paper]) -> None:
        by_category: dict[str, list[Paper]] = {name: [] for name in self.profile.categories}
        for paper in papers:
            first = next(c for c in (*paper.categories, *by_category) if c in by_category)
            by_category[first].append(paper)
        self._arxiv.feeds = {name: feed(name, self._day, of) for name, of in by_category.items()}

    @contextmanager
    def _at(self, function: str, hour: float) -> Iterator[None]:
        midnight = datetime.combine(self._day, time(), EASTERN)
        now = (midnight + timedelta(hours=hour)).astimezone(UTC)
        with patch(f"functions.{function}.app.datetime", SimpleNamespace(now=lambda _: now)):
            yield

    def _fire(self, name: str, hour: float) -> None:
        if name == "deadline":
            with self._at("aggregate", hour), self._meter.counting("deadline"):
                aggregate.handler({"deadline": True}, _context(f"{self._day} {hour}"))
            for told in self._messages(self.cloud.deadline_queue_url):
                with self._at("aggregate", hour), self._meter.counting("deadline"):
                    answer = aggregate.handler(told, _context("deadline"))
                assert answer == {"batchItemFailures": []}
        else:
            with self._at("fetch", hour), self._meter.counting("fetch"):
                fetch.handler({"firing": name}, _context(f"{self._day} {hour}"))

    def _start(self) -> None:
        for told in self._messages(self.cloud.profile_queue_url):
            with self._at("fetch", FIRINGS[0][1]), self._meter.counting("start"):
                answer = fetch.handler(told, _context("start"))
            assert answer == {"batchItemFailures": []}

    def _score(self) -> None:
        for told in self._messages(self.cloud.queue_url):
            # Each batch is scored by an execution environment of its own.
            score.step.cache_clear()
            with self._meter.counting("score"):
                answer = score.handler(told, _context("score"))
            assert answer == {"batchItemFailures": []}

    def _messages(self, queue: str) -> Iterator[dict[str, Any]]:
        """Every message of a queue as Lambda hands it over, one after the other."""
        # Lambda's poller, whose requests are reckoned.
        sqs = boto3.session.Session().client("sqs")
        told = json.loads((ROOT / "events/score-batch.json").read_text("utf-8"))
        while received := sqs.receive_message(QueueUrl=queue).get("Messages"):
            handle = received[0]["ReceiptHandle"]
            told["Records"][0] |= {"body": received[0]["Body"], "receiptHandle": handle}
            yield told
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)

    def _aggregate(self) -> None:
        told = json.loads((ROOT / "events/aggregate-counted-down.json").read_text("utf-8"))
        for name in self._names:
            partition = f"RUN#{self._day}#{name}" if name else f"RUN#{self._day}"
            told["Records"][0]["dynamodb"]["Keys"]["pk"]["S"] = partition
            with self._at("aggregate", FIRINGS[0][1]), self._meter.counting("aggregate"):
                assert aggregate.handler(told, _context("stream")) == {"batchItemFailures": []}


def _context(request: str) -> Any:
    return SimpleNamespace(
        function_name="f",
        memory_limit_in_mb=1024,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:f",
        aws_request_id=request,
        get_remaining_time_in_millis=lambda: 600_000,
    )
