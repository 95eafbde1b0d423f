"""A day under a fault: announced, disturbed, waited for, and accounted for."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from arxiv_digest.adapters.archive import raw_feed_key
from arxiv_digest.firings import DeadlineEvent
from arxiv_digest.models import Batch, Digest, Paper
from local.stack import FunctionError
from tests.deployed import READERS, Deployed, papers_of, recipients
from tests.feeds import feed

_ARXIV = threading.Lock()

PATIENCE = 300.0
"""Seconds for a day to come to its end; a message that failed three times is back after 105."""


class Row(NamedTuple):
    """What became of a day: its ledger, its mails, and whether its archive is complete."""

    announced: int
    scored: int
    triaged: int
    failed: int
    mails: tuple[str, ...]
    archive: bool


@dataclass
class Day:
    """One day on the stack: its papers, and the rules of microburst that are about it."""

    deployed: Deployed
    date: date
    papers: list[Paper]
    rules: list[str] = field(default_factory=list)
    calls: list[threading.Thread] = field(default_factory=list)

    @classmethod
    def of(cls, deployed: Deployed, day: date, count: int = 12) -> Day:
        """A day of its own papers, ten a batch, and with a view of its own on the table."""
        return cls(replace(deployed), day, papers_of(day, count))

    def fail(
        self,
        function: str,
        service: str,
        operation: str = "",
        naming: str = "",
        **effect: Any,
    ) -> str:
        """Disturb a function's requests to a service of AWS; returns the rule's id.

        Requests to DynamoDB and SES are disturbed where they name this day, and ``naming``; those
        to others do not name one, so any day's may be.
        """
        rule = {"service": service, "headers": {"User-Agent": f"app/{function}"}, **effect}
        if operation:
            rule["operation"] = operation
        if service in ("dynamodb", "ses"):
            rule["body"] = (
                f"contains(to_string(@), '{self.date}') && contains(to_string(@), '{naming}')"
            )
        self.rules.append(self.deployed.faults.add(rule))
        return self.rules[-1]

    def kill_held(self, function: str, rule: str) -> None:
        """Kill a function as soon as a rule holds its request."""
        self.until(lambda: self.deployed.faults.fired(rule) > 0)
        assert self.deployed.kill(function), f"{function} does not run"

    @contextmanager
    def published(self) -> Iterator[None]:
        """Hold arXiv's feeds for the time of the block: it publishes one day at a time.

        Every call of fetch is waited for, since one that still reads while the next day is
        published would find some categories stale.
        """
        with _ARXIV:
            self.deployed.publish(self.date, {"cs.AI": self.papers})
            yield
            for call in self.calls:
                call.join()

    def announce(self) -> None:
        """Let fetch read the feeds as a schedule would: called again where it fails, twice."""
        self.calls.append(threading.Thread(target=self._fetch, daemon=True))
        self.calls[-1].start()

    def keep_feeds(self) -> None:
        """Put the day's feeds into the archive, as if they had been read on their day.

        Read from there, many days can begin side by side.
        """
        for category in self.deployed.profile.categories:
            listed = self.papers if category == "cs.AI" else []
            body = feed(category, self.date, listed)
            self.deployed.write(raw_feed_key(self.date, category), body)

    def rebuild(self) -> None:
        """Let fetch read the kept feeds, and the digest be mailed."""
        self._invoke("Fetch", {"firing": "backfill", "date": str(self.date), "mail": True})

    def an_hour_passes(self) -> None:
        """Let fetch have begun the run an hour ago, if it has.

        On AWS the second try of a call that died has the call's own id and goes on at once; on the
        emulator it has another.
        """
        run = self.deployed.runs.get(self.date)
        if run is None:
            return
        began = run.model_copy(update={"started_at": run.started_at - timedelta(hours=1)})
        self._table().update_item(
            Key={"pk": f"RUN#{self.date}", "sk": "RUN"},
            UpdateExpression="SET #run = :run",
            ExpressionAttributeNames={"#run": "run"},
            ExpressionAttributeValues={":run": began.model_dump_json()},
        )

    def minutes_later(self, recipient: str) -> None:
        """Let a claim be ten minutes old: nobody is at work on its mail any more."""
        claimed = datetime.now(UTC) - timedelta(minutes=10)
        self._table().update_item(
            Key={"pk": f"RUN#{self.date}", "sk": f"MAIL#{recipient}"},
            UpdateExpression="SET written_at = :then",
            ExpressionAttributeValues={":then": claimed.isoformat()},
        )

    def queued(self) -> None:
        """Wait until every message was sent."""
        self.until(lambda: self.deployed.runs.sent(self.date))

    def batches(self) -> list[Batch]:
        """The day's batches."""
        return self.deployed.runs.batches(self.date)

    def undone(self) -> list[Batch]:
        """The batches that were not counted down."""
        return self.deployed.undone(self.date)

    def counted_down_again(self) -> None:
        """Hand aggregate the record of the finished run once more, as a stream may do."""
        image = {"pk": {"S": f"RUN#{self.date}"}, "sk": {"S": "RUN"}, "remaining": {"N": "0"}}
        keys = {name: image[name] for name in ("pk", "sk")}
        change = {"Keys": keys, "NewImage": image, "SequenceNumber": "1"}
        record = {"eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": change}
        self.deployed.stack.invoke("Aggregate", {"Records": [record]})

    def deadline(self) -> None:
        """Let the deadline come; Lambda tries it again where it fails."""
        self._invoke("Aggregate", DeadlineEvent(date=self.date).model_dump(mode="json"))

    def finished(self) -> bool:
        """Whether the digest of the whole run was made and mailed."""
        return self.deployed.runs.digest_made(self.date) == 0

    def until(self, what: Callable[[], bool]) -> None:
        """Wait for something to be so."""
        self.deployed.wait(what, PATIENCE)

    def digest(self) -> Digest:
        """The digest as it lies in the archive."""
        return Digest.model_validate_json(self.deployed.read(f"{self.date}/digest.json"))

    def account(self, taken: Iterable[tuple[str, str]] | None = None) -> Row:
        """What became of the day; raises ``AssertionError`` where two accounts differ.

        ``taken`` are the mails that SES took, which are asked for unless given.

        The run, the item of its digest and the archive must tell the same ledger, and each paper
        must stand exactly once in the digest, a failed one with its title, link and reason.
        """
        digest = self.digest()
        ledger = digest.ledger.model_dump()
        run, made = self._items("RUN", "DIGEST")
        told = {name: int(made[name]) for name in ledger}
        assert told == ledger, (told, ledger)
        told = {name: int(run[name]) for name in ledger}
        told["failed"] += sum(len(batch.papers) for batch in self.undone())
        assert told == ledger, (told, ledger)
        shown = [entry.paper.id for section in digest.sections for entry in section.papers]
        shown += [entry.paper.id for entry in (*digest.below, *digest.failed)]
        announced = sorted(paper.id for paper in self.papers)
        assert sorted(shown) == announced, (shown, announced)
        markdown = self.deployed.read(f"{self.date}/digest.md")
        for entry in digest.failed:
            assert entry.reason
            assert entry.paper.link in markdown
        # Another day's call may have written the front page as it was before this day, and writes
        # it once more when it sees so.
        with suppress(AssertionError):
            self.deployed.wait(self._archived, 20)
        mails = recipients(self.deployed.taken() if taken is None else taken, self.date)
        return Row(**ledger, mails=tuple(mails), archive=self._archived())

    def _fetch(self) -> None:
        for _ in range(3):
            with suppress(FunctionError):
                self.deployed.stack.invoke("Fetch", {})
                return

    def _invoke(self, function: str, event: dict[str, Any]) -> None:
        self.deployed.stack.client("lambda").invoke(
            FunctionName=self.deployed.stack.outputs[f"{function}FunctionName"],
            InvocationType="Event",
            Payload=json.dumps(event).encode(),
        )

    def _items(self, *names: str) -> list[dict[str, Any]]:
        table = self._table()
        key = f"RUN#{self.date}"
        return [table.get_item(Key={"pk": key, "sk": name})["Item"] for name in names]

    def _table(self) -> Any:
        name = self.deployed.stack.outputs["Table"]
        return self.deployed.stack.resource("dynamodb").Table(name)

    def _archived(self) -> bool:
        there = set(self.deployed.objects(f"{self.date}/"))
        forms = {f"{self.date}/digest.{form}" for form in ("md", "html", "json")}
        mails = {f"{self.date}/mail/{reader}.eml" for reader in READERS}
        listed = f'href="{self.date}/digest.html"' in self.deployed.read("index.html")
        return forms | mails <= there and listed


def ledgers_in_metrics(lines: Iterable[str]) -> int:
    """How many digests the metrics tell of; raises ``AssertionError`` where one does not add up."""
    told = 0
    for line in lines:
        if '"_aws"' not in line or '"Announced"' not in line:
            continue
        metrics = json.loads(line)
        announced, *parts = (metrics[n][0] for n in ("Announced", "Scored", "Triaged", "Failed"))
        assert announced == sum(parts), line
        told += 1
    return told
