"""The template, built and deployed by the real SAM CLI to the emulator."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import yaml

from arxiv_digest.adapters.runs import Runs
from arxiv_digest.models import Batch, Digest, Paper
from arxiv_digest.profile import Profile, load_profile
from local import building, emulator, stack
from local.day import FUNCTIONS
from local.stack import Stack
from tests.builders import a_paper
from tests.export_api import ExportApiServer, export_api
from tests.faults import Microburst, kill, microburst
from tests.feeds import FeedServer, feed, feed_server
from tests.language_model import LanguageModelServer, language_model

READERS = ("one@example.org", "two@example.org")
KEY = "sk-very-secret"
SECRET = "arxiv-digest/llm"
"""The name that the documents give the model's key."""

SCORE_SECONDS = 20
PAPERS_PER_CALL = 10
"""Fewer than the profile says, so that small days have several batches."""


LONG_ABSTRACT = " ".join(["What is said here takes as long as what is read at night."] * 22)
"""As long as arXiv's are: some 1,300 characters."""


def papers_of(day: date, count: int) -> list[Paper]:
    """Papers whose ids nobody else's day has."""
    first = day.day * 1000
    return [
        a_paper(n, id=f"{day:%y%m}.{first + n:05d}", announced=day) for n in range(1, count + 1)
    ]


def recipients(taken: Iterable[tuple[str, str]], day: date) -> list[str]:
    """The recipients of a day's mails among those taken, with repetitions."""
    return sorted(recipient for subject, recipient in taken if str(day) in subject)


@dataclass(frozen=True)
class Built:
    """The built template, the packages of its layers, ours first, and the packaged profile."""

    template: Path
    layers: tuple[Path, ...]
    profile: Profile


@dataclass
class Deployed:
    """The deployed stack between the outside worlds that a test controls."""

    stack: Stack
    template: Path
    parameters: dict[str, str]
    arxiv: FeedServer
    api: ExportApiServer
    model: LanguageModelServer
    profile: Profile
    disturbed: Microburst | None

    @property
    def faults(self) -> Microburst:
        """What disturbs the functions' requests to AWS, of a stack that is faulty."""
        assert self.disturbed, "deploy it faulty"
        return self.disturbed

    @cached_property
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
        """Rebuild a past day."""
        event = {"firing": "backfill", "date": day.isoformat(), "mail": mail}
        return self.stack.invoke("Fetch", event)

    def wait(self, what: Callable[[], bool], seconds: float = 120, longest: float = 1.5) -> None:
        """Wait until something is so; the longer it takes, the more seldom it is asked.

        ``longest`` are the seconds between two questions in the end.
        """
        until = time.monotonic() + seconds
        pause = 0.1
        while not what():
            assert time.monotonic() < until, f"not within {seconds} s"
            time.sleep(pause)
            pause = min(longest, 1.2 * pause)

    def undone(self, day: date) -> list[Batch]:
        """The batches of a day that were not counted down."""
        done = self.runs.batch_done
        return [batch for batch in self.runs.batches(day) if not done(day, batch.number)]

    def send_again(self, batches: Iterable[Batch]) -> None:
        """Deliver messages once more, as SQS may do at any time."""
        sqs = self.stack.client("sqs")
        for batch in batches:
            sqs.send_message(
                QueueUrl=self.stack.outputs["Queue"], MessageBody=batch.model_dump_json()
            )

    def try_again_soon(self, day: date, count: int) -> None:
        """Wait until so many batches of a day wait to be tried again, and have them not wait."""
        self.wait(lambda: len(self.runs.results(day).troubles) >= count)
        self.send_again(self.undone(day))

    def digest(self, day: date, seconds: float = 120) -> Digest:
        """The digest of a day, waited for."""
        self.wait(lambda: self.runs.digest_made(day) is not None, seconds)
        return Digest.model_validate_json(self.read(f"{day}/digest.json"))

    def read(self, key: str) -> str:
        s3 = self.stack.client("s3")
        body = s3.get_object(Bucket=self.stack.outputs["Bucket"], Key=key)["Body"].read()
        return str(body.decode())

    def write(self, key: str, body: bytes) -> None:
        """Write an object of the archive."""
        s3 = self.stack.client("s3")
        s3.put_object(Bucket=self.stack.outputs["Bucket"], Key=key, Body=body)

    def objects(self, prefix: str = "") -> list[str]:
        s3 = self.stack.client("s3")
        listed = s3.list_objects_v2(Bucket=self.stack.outputs["Bucket"], Prefix=prefix)
        return [found["Key"] for found in listed.get("Contents", ())]

    def mails(self, day: date) -> list[str]:
        """The recipients of every mail of a day that SES took, with repetitions."""
        return recipients(self.taken(), day)

    def taken(self) -> list[tuple[str, str]]:
        """Subject and recipient of every mail that SES took, all of which are read for it."""
        with urlopen(f"{self.stack.emulator.url}/_ministack/ses/messages") as answer:
            accounts = json.load(answer)["messages"]
        return [(mail["Subject"], mail["To"][0]) for mails in accounts.values() for mail in mails]

    def waiting(self, queue: str) -> int:
        """How many messages lie in a queue of the outputs, in flight or not."""
        return self.visible(queue) + self._messages(queue, "NotVisible")

    def visible(self, queue: str) -> int:
        """How many messages of a queue of the outputs can be received."""
        return self._messages(queue, "")

    def _messages(self, queue: str, kind: str) -> int:
        name = f"ApproximateNumberOfMessages{kind}"
        url = self.stack.outputs[queue]
        found = self.stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(found["Attributes"][name])

    def kill(self, function: str) -> int:
        """Kill the processes of a function; returns how many there were."""
        return kill(self.stack.emulator.pid, self.stack.outputs[f"{function}FunctionName"])


def build_stack(folder: Path) -> Built:
    """Put in a folder what any number of stacks are deployed of."""
    build = folder / "build"
    shutil.copytree(building.build(print).parent, build)
    common = folder / "common"
    copy_code(building.led(build / "CommonLayer"), common / "python")
    profile = _in_small_batches(common / "python/arxiv_digest/profile.yaml")
    building.lead(build / "CommonLayer", common)
    layers = tuple(
        building.led(build / f"{name}Layer") for name in ("Common", "Dependencies", "Ranking")
    )
    _compile(build, layers)
    return Built(build / "template.yaml", layers, profile)


@contextmanager
def deployed_stack(
    folder: Path, *, faulty: bool = False, enforcing: bool = True, built: Built | None = None
) -> Iterator[Deployed]:
    """Start and deploy in a folder, for the time of the block; built there, too, if need be.

    Where it is ``faulty``, rules disturb what the functions ask of AWS, which takes the way over
    microburst for it. Roles are enforced unless it is not ``enforcing``.
    """
    built = built or build_stack(folder)
    template = folder / "stack/template.yaml"
    shutil.copytree(built.template.parent, template.parent)
    running = emulator.start(folder, enforcing=enforcing)
    try:
        with (
            feed_server() as arxiv,
            export_api() as api,
            language_model() as model,
            microburst(running.url) if faulty else nullcontext() as faults,
        ):
            Stack(running).client("secretsmanager").create_secret(Name=SECRET, SecretString=KEY)
            _adapt(template, faults)
            parameters = {
                "SenderAddress": "digest@example.org",
                "SenderName": "每日 digest",
                "Recipients": ",".join(READERS),
                "FeedBaseUrl": arxiv.base_url.replace("127.0.0.1", "localhost"),
                "FeedInterval": "0",
                "ExportApiUrl": api.url.replace("127.0.0.1", "localhost"),
                "LlmBaseUrl": model.base_url.replace("127.0.0.1", "localhost"),
                "LlmModel": "test-model",
                "LlmSecretName": SECRET,
                "PublicPage": "true",
                "Votes": "true",
            }
            deployed = stack.deploy(running, template, parameters)
            model.fields = tuple(field.name for field in built.profile.fields)
            yield Deployed(
                stack=deployed,
                template=template,
                parameters=parameters,
                arxiv=arxiv,
                api=api,
                model=model,
                profile=built.profile,
                disturbed=faults,
            )
    finally:
        running.stop()


def copy_code(layer: Path, place: Path) -> None:
    """Copy what a layer leads to, but for the bytecode, which functions may be writing."""
    shutil.copytree(layer, place, ignore=shutil.ignore_patterns("__pycache__"))


def _compile(build: Path, layers: Sequence[Path]) -> None:
    # Once, and not by each of the processes that start at the same time.
    files = [str(build / f"{function}Function/app.py") for function in FUNCTIONS]
    also = "arxiv_digest.adapters.llm, arxiv_digest.rendering, feedparser"
    subprocess.run(
        [emulator.PYTHON, "-c", f"import runpy, {also}; [*map(runpy.run_path, {files})]"],
        env={"PYTHONPATH": ":".join(map(str, layers)), "AWS_DEFAULT_REGION": emulator.REGION},
        check=True,
    )


def _in_small_batches(packaged: Path) -> Profile:
    keys = yaml.safe_load(packaged.read_text("utf-8"))
    text = yaml.safe_dump({**keys, "papers_per_call": PAPERS_PER_CALL}, allow_unicode=True)
    packaged.write_text(text, "utf-8")
    return load_profile(text)


def _adapt(template: Path, faults: Microburst | None) -> None:
    told = yaml.safe_load(template.read_text("utf-8"))
    # A message comes back half a minute after its function's time has ended, whatever that is.
    told["Resources"]["ScoreFunction"]["Properties"]["Timeout"] = SCORE_SECONDS
    if faults:
        for function in (*FUNCTIONS, "Vote"):
            variables = told["Resources"][f"{function}Function"]["Properties"]["Environment"]
            variables["Variables"] |= {
                # As an HTTP proxy, since requests are signed for the emulator's own address.
                "HTTP_PROXY": faults.url,
                "NO_PROXY": "localhost",
                # Stands in the User-Agent, by which rules tell the functions apart.
                "AWS_SDK_UA_APP_ID": function,
            }
    template.write_text(yaml.safe_dump(told, allow_unicode=True, sort_keys=False), "utf-8")
