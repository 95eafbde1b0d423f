"""AWS in this process (moto), and the steps with their real adapters on it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from email.headerregistry import Address
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.dynamodb import dynamodb_backends
from moto.ses import ses_backends
from moto.sqs import sqs_backends

from arxiv_digest.adapters.archive import Archive
from arxiv_digest.adapters.mailer import ONE_ATTEMPT, Mailer
from arxiv_digest.adapters.queue import Queue
from arxiv_digest.adapters.runs import Runs
from arxiv_digest.models import Batch
from arxiv_digest.steps.aggregate import Aggregate, MailState
from tests.integration import moto_once

moto_once.install()

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
            mailer=lambda: mailer or Mailer(self.ses, "digests"),
            sender=lambda: Address("digest", addr_spec="digest@example.org"),
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
    unsigned = Config(signature_version=UNSIGNED)  # of all but S3, moto asks for no signature
    dynamodb = boto3.resource("dynamodb", config=unsigned)
    dynamodb.Table = cache(dynamodb.Table)  # boto3 makes a class for each
    return (
        dynamodb,
        boto3.client("s3"),
        boto3.client("sqs", config=unsigned),
        boto3.client("sesv2", config=ONE_ATTEMPT.merge(unsigned)),
    )


@dataclass(frozen=True)
class Made:
    """What the clients made the first time: as moto holds it, but for the queues' addresses."""

    table: Any
    mail: dict[str, Any]
    queues: list[str]


QUEUES = ("batches", "profiles", "deadlines")
_made: list[Made] = []


def make(dynamodb: Any, sqs: Any, ses: Any) -> Made:
    """Make what the template makes, all but the bucket."""
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
    queues = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in QUEUES]
    ses.create_email_identity(EmailIdentity="digest@example.org")
    ses.create_configuration_set(ConfigurationSetName="digests")
    made = held(dynamodb_backends).tables["runs"], vars(held(ses_backends))
    return Made(*deepcopy(made), queues)


def held(backends: Any) -> Any:
    """What moto holds of a service in the tests' account and region."""
    return backends[DEFAULT_ACCOUNT_ID]["us-east-1"]


def resources(dynamodb: Any, s3: Any, sqs: Any, ses: Any) -> Cloud:
    """The resources that the template makes, anew: by the clients, then as these made them."""
    if _made:
        held(dynamodb_backends).tables["runs"] = deepcopy(_made[0].table)
        vars(held(ses_backends)).update(deepcopy(_made[0].mail))
        for name in QUEUES:
            held(sqs_backends).create_queue(name, {})
    else:
        _made.append(make(dynamodb, sqs, ses))
    s3.create_bucket(Bucket="archive")
    s3.put_object(Bucket="archive", Key="config/profile.yaml", Body=PROFILE.encode())
    return Cloud(dynamodb, s3, sqs, ses, "runs", "archive", *_made[0].queues)


# A new session would read the descriptions of four services anew for each test, and a new client
# those of its own: the functions ask for theirs whenever a test starts them anew.
client, resource = cache(boto3.client), cache(boto3.resource)


@pytest.fixture(scope="module")
def aws() -> Iterator[None]:
    """No call of this module's tests reaches AWS."""
    with mock_aws(config={"core": {"reset_boto3_session": False}}):
        yield


@pytest.fixture
def cloud(aws: None, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("HOME", str(Path(__file__).parent))
    monkeypatch.setattr(boto3, "client", client)
    monkeypatch.setattr(boto3, "resource", resource)
    BackendDict.reset()
    reset_model_data()
    return resources(*clients())
