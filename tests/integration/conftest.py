"""AWS in this process (moto), and the steps with their real adapters on it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.headerregistry import Address
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from arxiv_digest.adapters.archive import Archive
from arxiv_digest.adapters.mailer import ONE_ATTEMPT, Mailer
from arxiv_digest.adapters.queue import Queue
from arxiv_digest.adapters.runs import Runs
from arxiv_digest.models import Batch
from arxiv_digest.steps.aggregate import Aggregate, MailState

PROFILE = """\
language: en
categories: [cs.LG, cs.CV]
papers_per_call: 2
fields:
  - {name: Pruning, description: pruning experts and quantization of models}
  - {name: Agents, description: agents that use tools and browse the web}
"""


@dataclass
class Cloud:
    """The resources that the template makes, without the functions."""

    dynamodb: Any
    s3: Any
    sqs: Any
    ses: Any
    table: str
    bucket: str
    queue_url: str
    profile_queue_url: str
    deadline_queue_url: str
    told: list[MailState] = field(default_factory=list)

    @property
    def runs(self) -> Runs:
        return Runs(self.dynamodb, self.table)

    @property
    def archive(self) -> Archive:
        return Archive(self.s3, self.bucket)

    @property
    def queue(self) -> Queue:
        return Queue(self.sqs, self.queue_url)

    @property
    def profile_queue(self) -> Queue:
        return Queue(self.sqs, self.profile_queue_url)

    def aggregate(self, *recipients: str, mailer: Any = None, minutes: float = 0) -> Aggregate:
        """The step as called some minutes from now."""
        return Aggregate(
            runs=Runs(self.dynamodb, self.table, lambda: time.time() + 60 * minutes),
            archive=self.archive,
            mailer=mailer or Mailer(self.ses, "digests"),
            sender=Address("digest", addr_spec="digest@example.org"),
            recipients=recipients,
            log=print,
            tell=self.told.append,
        )

    def messages(self) -> list[Batch]:
        """Every batch that lies in the queue, in order."""
        found: list[Batch] = []
        while received := self.sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            found += [Batch.model_validate_json(message["Body"]) for message in received]
        return sorted(found, key=lambda batch: batch.number)

    def items(self, prefix: str = "") -> list[dict[str, Any]]:
        scanned = self.dynamodb.Table(self.table).scan()["Items"]
        return [item for item in scanned if item["pk"].startswith(prefix)]

    def objects(self, prefix: str = "") -> list[str]:
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix)
        return [found["Key"] for found in listed.get("Contents", ())]


@cache
def clients() -> tuple[Any, Any, Any, Any]:
    """DynamoDB, S3, SQS and SES, once: making them takes longer than most tests."""
    return (
        boto3.resource("dynamodb"),
        boto3.client("s3"),
        boto3.client("sqs"),
        boto3.client("sesv2", config=ONE_ATTEMPT),
    )


def resources(dynamodb: Any, s3: Any, sqs: Any, ses: Any) -> Cloud:
    """The resources that the template makes, as the clients make them anew."""
    dynamodb.create_table(
        TableName="runs",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    s3.create_bucket(Bucket="archive")
    s3.put_object(Bucket="archive", Key="config/profile.yaml", Body=PROFILE.encode())
    queues = [
        sqs.create_queue(QueueName=name)["QueueUrl"]
        for name in ("batches", "profiles", "deadlines")
    ]
    ses.create_email_identity(EmailIdentity="digest@example.org")
    ses.create_configuration_set(ConfigurationSetName="digests")
    return Cloud(dynamodb, s3, sqs, ses, "runs", "archive", *queues)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("HOME", str(Path(__file__).parent))
    # A new session would read the descriptions of four services anew for each test.
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield resources(*clients())
