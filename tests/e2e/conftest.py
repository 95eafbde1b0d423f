"""The template, built and deployed by the real SAM CLI to the emulator with IAM enforced."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from arxiv_digest.adapters.runs import Runs
from arxiv_digest.models import Digest, Paper
from arxiv_digest.profile import Profile, load_profile
from local import emulator, stack
from local.stack import Stack
from tests.export_api import ExportApiServer, export_api
from tests.feeds import FeedServer, feed, feed_server
from tests.language_model import LanguageModelServer, language_model

ROOT = Path(__file__).parents[2]
READERS = ("one@example.org", "two@example.org")
KEY = "sk-very-secret"
SECRET = "digests/key"


@dataclass
class Deployed:
    """The deployed stack between the outside worlds that a test controls."""

    stack: Stack
    arxiv: FeedServer
    api: ExportApiServer
    model: LanguageModelServer
    profile: Profile

    @property
    def runs(self) -> Runs:
        return Runs(self.stack.resource("dynamodb"), self.stack.outputs["Table"])

    def publish(self, day: date, papers: dict[str, list[Paper]]) -> None:
        """Announce papers on a day; categories of the profile that are not named are empty."""
        self.arxiv.feeds = {
            category: feed(category, day, papers.get(category, ()))
            for category in self.profile.categories
        }

    def fetch(self, firing: str = "manual") -> dict[str, Any]:
        return self.stack.invoke("Fetch", {"firing": firing})

    def backfill(self, day: date, *, mail: bool = False) -> dict[str, Any]:
        event = {"firing": "backfill", "date": day.isoformat(), "mail": mail}
        return self.stack.invoke("Fetch", event)

    def wait(self, what: Callable[[], bool], seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < until, f"not within {seconds} s"
            time.sleep(0.2)

    def digest(self, day: date, seconds: float = 60) -> Digest:
        """The digest of a day, waited for."""
        self.wait(lambda: self.runs.digest_made(day) is not None, seconds)
        return Digest.model_validate_json(self.read(f"{day}/digest.json"))

    def read(self, key: str) -> str:
        s3 = self.stack.client("s3")
        body = s3.get_object(Bucket=self.stack.outputs["Bucket"], Key=key)["Body"].read()
        return str(body.decode())

    def write(self, key: str, body: bytes) -> None:
        s3 = self.stack.client("s3")
        s3.put_object(Bucket=self.stack.outputs["Bucket"], Key=key, Body=body)

    def objects(self, prefix: str = "") -> list[str]:
        s3 = self.stack.client("s3")
        listed = s3.list_objects_v2(Bucket=self.stack.outputs["Bucket"], Prefix=prefix)
        return [found["Key"] for found in listed.get("Contents", ())]

    def mails(self, day: date) -> list[str]:
        """The recipients of every mail of a day that SES took, with repetitions."""
        with urlopen(f"{self.stack.emulator.url}/_ministack/ses/messages") as answer:
            accounts = json.load(answer)["messages"]
        taken = [mail for mails in accounts.values() for mail in mails]
        return sorted(mail["To"][0] for mail in taken if str(day) in mail["Subject"])

    def waiting(self, queue: str) -> int:
        """How many messages lie in a queue of the outputs, in flight or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.stack.client("sqs").get_queue_attributes(
            QueueUrl=self.stack.outputs[queue], AttributeNames=names
        )["Attributes"]
        return sum(int(found[name]) for name in names)


@pytest.fixture(scope="session")
def session_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("cloud")
    template = stack.build(folder / "build")
    running = emulator.start(folder)
    try:
        with feed_server() as arxiv, export_api() as api, language_model() as model:
            bare = Stack(running)
            bare.client("secretsmanager").create_secret(Name=SECRET, SecretString=KEY)
            deployed = stack.deploy(
                running,
                template,
                {
                    "SenderAddress": "digest@example.org",
                    "SenderName": "每日 digest",
                    "Recipients": ",".join(READERS),
                    "FeedBaseUrl": arxiv.base_url,
                    "FeedInterval": "0",
                    "ExportApiUrl": api.url,
                    "LlmBaseUrl": model.base_url,
                    "LlmModel": "test-model",
                    "LlmSecretName": SECRET,
                },
            )
            profile = load_profile((ROOT / "profile.yaml").read_text("utf-8"))
            model.fields = tuple(field.name for field in profile.fields)
            yield Deployed(deployed, arxiv, api, model, profile)
    finally:
        running.stop()


@pytest.fixture
def deployed(session_stack: Deployed) -> Deployed:
    """The stack, with a language model and an arXiv that behave."""
    session_stack.model.forget()
    session_stack.arxiv.feeds.clear()
    session_stack.arxiv.faults.clear()
    session_stack.api.forget()
    return session_stack
