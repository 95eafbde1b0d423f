"""The runs table: one partition a run, one item a paper that was seen, one a day of the archive.

==================  ==========================  ====================================================
partition           sort key                    what it holds
==================  ==========================  ====================================================
``RUN#<date>``      ``RUN``                     the run, ``remaining`` (batches not yet scored), how
                                                often it was ``reopened``, and its ledger so far
``RUN#<date>``      ``QUEUED#<attempt>#<n>``    a batch as it was queued
``RUN#<date>``      ``TRIAGED#<attempt>#<n>``   papers that triage left out, with their ranks
``RUN#<date>``      ``COUNTS#<attempt>#<n>``    a vote, as it counts in the run
``RUN#<date>``      ``SENT``                    every message of the run was sent
``RUN#<date>``      ``BATCH#<n>``               the batch was counted down, and its tokens
``RUN#<date>``      ``SPENT#<n>#<time>``        tokens of a batch before it was scored once more
``RUN#<date>``      ``PAPER#<id>``              a paper's outcome
``RUN#<date>``      ``TROUBLE#<n>``             why a batch could not be scored the last time
``RUN#<date>``      ``BUDGET``                  tokens spent, or reserved for calls under way
``RUN#<date>``      ``MODE``                    the response mode that the provider takes
``RUN#<date>``      ``DIGEST``                  the digest was made and mailed, how much missing,
                                                and its ledger
``RUN#<date>``      ``MAIL#<recipient>``        the claim of one mail and its state
``SEEN#<id>``       ``SEEN``                    the date of the run that read the paper
``PENDING``         ``<date>#<category>``       a stored feed that the next run reads
``PROFILES``        ``<date>``                  the names of those whose runs a date has, of many
``DAYS``            ``<date>``                  a line of the archive's index
``VOTES``           ``<id>#<reader>``           a reader's vote on a paper, and its ``version``
==================  ==========================  ====================================================

What belongs to one of many profiles has its name at the end: ``RUN#<date>#<profile>``,
``DAYS#<profile>``, ``VOTES#<profile>``, and ``SEEN#<profile>`` as the sort key of a paper that it
has read. That of the single profile has none. Papers of a category that were read for all of many
profiles are ``SEEN#*<category>``.
"""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import uuid4

from boto3.dynamodb.conditions import ConditionBase, Key
from botocore.config import Config
from botocore.exceptions import ClientError

from arxiv_digest import migrations
from arxiv_digest.batches import as_announced
from arxiv_digest.migrations import Stored, Unreadable
from arxiv_digest.models import (
    SCHEMA_VERSION,
    Batch,
    Day,
    Ledger,
    Outcome,
    Paper,
    PastScore,
    Run,
    Scored,
    ScorerKind,
    Tokens,
    Triaged,
    TriagedPart,
    Vote,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource

UNCHECKED = Config(parameter_validation=False)
"""For the functions' clients: DynamoDB checks what it is asked. botocore would check each value of
a batch's transaction before, as it does in the tests, which takes as long as signing them all."""

RUN_DAYS = 90
"""Days after which a run's items expire."""
SEEN_DAYS = 400
"""Days for which a paper that was read is not read again."""
CLAIM_DAYS = 800
"""Days for which nobody is mailed twice: longer than the feeds are kept of which a day that was
mailed can be rebuilt."""
VOTE_DAYS = 400
"""Days for which a vote counts, and for which one that was taken back cannot be brought back by
what was sent before: longer than a link can be used."""

TOLD = 5
"""So many votes that cannot be read are named in the log."""

T = TypeVar("T")


class RunMissing(Exception):
    """A batch of a run that the table does not hold (any more)."""


class Unprocessed(Exception):
    """Keys that DynamoDB did not answer for after several tries."""


class Results(NamedTuple):
    """What a run has brought so far.

    ``outcomes`` are by paper id; ``troubles`` give the last problem of batches, by number;
    ``remaining`` counts the batches that were not scored, ``reopened`` how often the run was
    reopened.
    """

    outcomes: dict[str, Outcome]
    tokens: Tokens
    troubles: dict[int, str]
    remaining: int
    reopened: int


class Opening(NamedTuple):
    """What a batch finds: whether it was counted down before, its run, and its response mode."""

    done: bool
    run: Run | None
    mode: str | None


class MailClaim(NamedTuple):
    """A claim's state, ``SENDING``, ``SENT``, ``REFUSED`` or ``UNCERTAIN``, and its age in seconds.

    ``detail`` is SES's message id, its reason, or why nobody knows whether the mail was sent.
    """

    state: str
    age: float
    detail: str


def for_all(category: str) -> str:
    """In place of a profile's name, for what was read of a category for all of many profiles."""
    return f"*{category}"


def run_of(partition: str) -> tuple[date, str]:
    """The date and the profile's name, empty for the single one, of a run's partition.

    >>> run_of("RUN#2026-01-22#theory")
    (datetime.date(2026, 1, 22), 'theory')

    Raises ``ValueError`` for a partition of anything else.
    """
    kind, _, rest = partition.partition("#")
    if kind != "RUN":
        raise ValueError(f"{partition!r} is no partition of a run")
    day, _, profile = rest.partition("#")
    return date.fromisoformat(day), profile


class Pending(NamedTuple):
    """A stored feed that the next run reads: its announcement date and category."""

    date: date
    category: str


class Runs:
    """The runs table by its name; times are seconds since the epoch, UTC."""

    def __init__(
        self,
        resource: DynamoDBServiceResource,
        table: str,
        clock: Callable[[], float] = time.time,
        profile: str = "",
    ) -> None:
        self._resource = resource
        self._table = resource.Table(table)
        self._clock = clock
        self._name(profile)

    def _name(self, profile: str) -> None:
        self._suffix = f"#{profile}" if profile else ""
        self._seen = f"SEEN{self._suffix}"
        self._votes = f"VOTES{self._suffix}"

    def of(self, profile: str) -> Runs:
        """The runs of one of many profiles; those of the single profile for an empty name."""
        # The table is the same one: boto3 makes a class anew for each that it is asked for.
        runs = copy.copy(self)
        runs._name(profile)
        return runs

    def get(self, day: date) -> Run | None:
        """The run of one announcement date."""
        item = self._get(self._run_key(day), "RUN")
        return _read(migrations.RUN, item, "run") if item else None

    def create(
        self,
        run: Run,
        batches: Sequence[Batch],
        triaged: Sequence[TriagedPart] = (),
        votes: Sequence[Vote] = (),
    ) -> bool:
        """Write a run with all its papers, unless there is one for its date: then ``False``.

        ``votes`` are those that count in it. All of these are written first, under a name of this
        attempt, and the run last: whoever finds a run finds all of it, and of two attempts at the
        same time one wins whole.
        """
        attempt = f"{self._clock():.6f}"
        with self._table.batch_writer() as writer:
            for batch in batches:
                writer.put_item(
                    Item={
                        **self._item(self._run_key(run.date), _queued(attempt, batch.number)),
                        "batch": batch.model_dump_json(),
                    }
                )
            for part in triaged:
                writer.put_item(
                    Item={
                        **self._item(self._run_key(run.date), _triaged(attempt, part.number)),
                        "part": part.model_dump_json(),
                    }
                )
            for number, vote in enumerate(votes):
                writer.put_item(
                    Item={
                        **self._item(self._run_key(run.date), _counts(attempt, number)),
                        "vote": vote.model_dump_json(),
                    }
                )
        item = {
            **self._item(self._run_key(run.date), "RUN"),
            "attempt": attempt,
            "remaining": len(batches),
            "reopened": 0,
            "announced": run.announced,
            "scored": 0,
            "triaged": sum(len(part.papers) for part in triaged),
            "failed": 0,
            "run": run.model_dump_json(),
        }
        return self._put_if(item)

    def discard(self, day: date) -> bool:
        """Forget a run that has no papers, so that its date can have another.

        ``False``, and nothing is forgotten, where its date has a run with papers by now.
        """
        key = self._run_key(day)
        try:
            self._table.delete_item(
                Key={"pk": key, "sk": "RUN"},
                ConditionExpression="attribute_not_exists(pk) OR announced = :none",
                ExpressionAttributeValues={":none": 0},
            )
        except ClientError as problem:
            if problem.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            raise
        for sort in ("DIGEST", "SENT"):
            self._table.delete_item(Key={"pk": key, "sk": sort})
        return True

    def batches(self, day: date) -> list[Batch]:
        """The batches of a run as they were queued, in order."""
        found = self._of_attempt(day, _queued)
        return [_read(migrations.BATCH, queued, "batch") for queued in found]

    def triaged(self, day: date) -> list[TriagedPart]:
        """What triage left out of a run's queue."""
        found = self._of_attempt(day, _triaged)
        return [_read(migrations.TRIAGED_PART, part, "part") for part in found]

    def votes_of(self, day: date) -> list[Vote]:
        """The votes that count in a run: they stay the same however often it is scored."""
        found = self._of_attempt(day, _counts)
        return [_read(migrations.VOTE, item, "vote") for item in found]

    def _of_attempt(self, day: date, key: Callable[[str, int], str]) -> Iterator[dict[str, Any]]:
        item = self._get(self._run_key(day), "RUN")
        if item is None:
            return iter(())
        return self._query(self._run_key(day), key(item["attempt"], 0).removesuffix("00000"))

    def history(self, days: Sequence[date]) -> list[PastScore]:
        """Every score that a language model gave on some days, those days' papers in order.

        A paper of the audit sample stands for its share of all that triage had put below its cut.
        Those days are over, so they are read at half the price of a consistent read.
        """
        found: list[PastScore] = []
        keys = [{"pk": self._run_key(day), "sk": "RUN"} for day in days]
        items = self._get_many(keys, consistent=False)
        runs = [(_read(migrations.RUN, item, "run"), item["attempt"]) for item in items]
        for run, attempt in sorted(runs, key=lambda pair: pair[0].date):
            if run.scorer.kind is not ScorerKind.LANGUAGE_MODEL:
                continue
            scored, batches = self._scored(run.date, attempt)
            triage = run.triage
            audited = set(triage.audited) & set(scored) if triage else set()
            for paper in as_announced(batches):
                if paper.id in scored:
                    stands_for = triage.below_cut / len(audited) if triage and audited else 1.0
                    found.append(
                        PastScore(
                            paper=paper,
                            score=scored[paper.id].score,
                            field=scored[paper.id].field,
                            date=run.date,
                            weight=stands_for if paper.id in audited else 1.0,
                        )
                    )
        return found

    def _scored(self, day: date, attempt: str) -> tuple[dict[str, Scored], list[Batch]]:
        """What a language model scored of a run, by paper id, and the run's batches as queued."""
        scored: dict[str, Scored] = {}
        batches: list[Batch] = []
        # Papers stand right before what was queued, so that one query reads both.
        both = Key("sk").between("PAPER#", _queued(attempt, 99_999))
        for item in self._query(self._run_key(day), both, consistent=False):
            if item["sk"].startswith("PAPER#"):
                outcome = _read(migrations.OUTCOME, item, "outcome")
                if isinstance(outcome, Scored) and not outcome.locally:
                    scored[outcome.paper_id] = outcome
            elif item["sk"].startswith(f"QUEUED#{attempt}#"):
                batches.append(_read(migrations.BATCH, item, "batch"))
        return scored, batches

    def mark_sent(self, day: date) -> None:
        """Note that every message of a run was sent."""
        self._table.put_item(Item=self._item(self._run_key(day), "SENT"))

    def sent(self, day: date) -> bool:
        """Whether every message of a run was sent."""
        return self._get(self._run_key(day), "SENT") is not None

    def batch_done(self, day: date, number: int) -> bool:
        """Whether a batch was counted down already, so that its message is a redelivery."""
        return self._get(self._run_key(day), _batch(number)) is not None

    def opening(self, batch: Batch) -> Opening:
        """What a batch finds when its message comes, in one request."""
        key = self._run_key(batch.date)
        sorts = (_batch(batch.number), "RUN", "MODE")
        items = self._get_many([{"pk": key, "sk": sort} for sort in sorts])
        done, run, mode = ({item["sk"]: item for item in items}.get(sort) for sort in sorts)
        return Opening(
            done is not None,
            _read(migrations.RUN, run, "run") if run else None,
            mode["mode"] if mode else None,
        )

    def complete_batch(
        self, batch: Batch, outcomes: Sequence[Outcome], tokens: Tokens, owed: int = 0
    ) -> bool:
        """Write a batch's outcomes and count them and the run, all or nothing.

        With them the budget is settled, to which the batch ``owed`` so many tokens. Returns
        ``False``, with nothing written, for a batch that was counted down before. Raises
        :class:`RunMissing` where there is no such run.
        """
        key = self._run_key(batch.date)
        papers = [
            {
                **self._item(key, f"PAPER#{outcome.paper_id}"),
                "outcome": outcome.model_dump_json(),
            }
            for outcome in outcomes
        ]
        counts = Counter(outcome.outcome for outcome in outcomes)
        done = {
            **self._item(key, _batch(batch.number)),
            "tokens": tokens.model_dump_json(),
            "scored": counts["scored"],
            "failed": counts["failed"],
        }
        operations: list[Any] = [
            _put(self._table.name, done, ConditionExpression="attribute_not_exists(pk)"),
            {
                "Update": {
                    "TableName": self._table.name,
                    "Key": {"pk": key, "sk": "RUN"},
                    "UpdateExpression": "ADD remaining :less, scored :scored, failed :failed",
                    "ConditionExpression": "attribute_exists(pk)",
                    "ExpressionAttributeValues": {
                        ":less": -1,
                        ":scored": counts["scored"],
                        ":failed": counts["failed"],
                    },
                }
            },
            *([{"Update": self._budget(batch.date, owed)}] if owed else ()),
            *(_put(self._table.name, paper) for paper in papers),
        ]
        try:
            self._transact(operations)
        except ClientError as problem:
            reasons = _cancellation_reasons(problem)
            if reasons[:1] == ["ConditionalCheckFailed"]:
                return False
            if reasons[1:2] == ["ConditionalCheckFailed"]:
                raise RunMissing(f"there is no run of {batch.date}") from problem
            raise
        return True

    def mark_unsent(self, day: date) -> None:
        """Note that some messages of a run have to be sent again, before any batch is reopened."""
        self._table.delete_item(Key={"pk": self._run_key(day), "sk": "SENT"})

    def reopen(self, run: Run, number: int | None = None) -> None:
        """Let a run's digest be made again, and a batch be scored once more; all or nothing.

        A batch that was done is one more to do; what it had spent stays in the run's tokens. One
        that was not done, or that somebody else reopens at the same time, stays as it is. The run
        is written as given. Raises ``ClientError`` where there is no such run.
        """
        key = self._run_key(run.date)
        table = self._table.name
        done = None if number is None else self._get(key, _batch(number))
        update = {
            "TableName": table,
            "Key": {"pk": key, "sk": "RUN"},
            "UpdateExpression": (
                "SET run = :run ADD reopened :one, remaining :more, scored :scored, failed :failed"
            ),
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeValues": {
                ":run": run.model_dump_json(),
                ":one": 1,
                ":more": 1 if done else 0,
                ":scored": -done["scored"] if done else 0,
                ":failed": -done["failed"] if done else 0,
            },
        }
        operations: list[Any] = [
            {"Update": update},
            {"Delete": {"TableName": table, "Key": {"pk": key, "sk": "DIGEST"}}},
        ]
        if done:
            spent = self._item(key, f"SPENT#{number:05d}#{self._clock():.6f}")
            tokens = _read(migrations.TOKENS, done, "tokens")
            operations += [
                {
                    "Delete": {
                        "TableName": table,
                        "Key": {"pk": key, "sk": done["sk"]},
                        "ConditionExpression": "written_at = :then AND tokens = :spent",
                        "ExpressionAttributeValues": {
                            ":then": done["written_at"],
                            ":spent": done["tokens"],
                        },
                    }
                },
                _put(table, {**spent, "tokens": tokens.model_dump_json()}),
            ]
        try:
            self._transact(operations)
        except ClientError as problem:
            if _cancellation_reasons(problem)[2:3] != ["ConditionalCheckFailed"]:
                raise

    def note_trouble(self, batch: Batch, why: str) -> None:
        """Keep why a batch could not be scored this time; the digest says it if it stays so."""
        item = self._item(self._run_key(batch.date), f"TROUBLE#{batch.number:05d}")
        self._table.put_item(Item={**item, "number": batch.number, "why": why[:1000]})

    def results(self, day: date) -> Results:
        """What a run has brought so far, read consistently.

        The run's counts are read first: it may be counted down while its many pages are read, and
        what these lack must then be missing from the count as well.
        """
        outcomes: dict[str, Outcome] = {}
        tokens = Tokens()
        troubles: dict[int, str] = {}
        run = self._get(self._run_key(day), "RUN") or {}
        # Between these stand the claims of mails and what was queued, which is most of a run.
        parts = ("BATCH#", "PAPER#", Key("sk").gte("SPENT#"))
        for item in (item for part in parts for item in self._query(self._run_key(day), part)):
            kind = item["sk"].partition("#")[0]
            if kind == "PAPER":
                outcome = _read(migrations.OUTCOME, item, "outcome")
                outcomes[outcome.paper_id] = outcome
            elif kind == "TRIAGED" and item["sk"].startswith(f"TRIAGED#{run.get('attempt')}#"):
                part = _read(migrations.TRIAGED_PART, item, "part")
                for paper, rank in zip(part.papers, part.ranks, strict=True):
                    outcomes[paper.id] = Triaged(paper_id=paper.id, rank=rank)
            elif kind in ("BATCH", "SPENT"):
                tokens += _read(migrations.TOKENS, item, "tokens")
            elif kind == "TROUBLE":
                troubles[int(item["number"])] = item["why"]
        remaining, reopened = int(run.get("remaining", 0)), int(run.get("reopened", 0))
        return Results(outcomes, tokens, troubles, remaining, reopened)

    def remaining(self, day: date) -> int:
        """How many batches of a run were not scored yet."""
        item = self._get(self._run_key(day), "RUN")
        return int(item["remaining"]) if item else 0

    def reserve(self, day: date, tokens: int, most: int) -> bool:
        """Set tokens of a day's budget apart for a call; ``False`` where ``most`` would be passed.

        Of calls at the same time no two get the same tokens.
        """
        if tokens > most:
            return False
        update = self._budget(day, tokens)
        update["ConditionExpression"] = "attribute_not_exists(tokens) OR tokens <= :left"
        update["ExpressionAttributeValues"][":left"] = most - tokens
        try:
            self._transact([{"Update": update}])
        except ClientError as problem:
            if _cancellation_reasons(problem) != ["ConditionalCheckFailed"]:
                raise
            return False
        return True

    def settle(self, day: date, owed: int) -> None:
        """Add the tokens that calls took beyond what was reserved for them, or take back the rest.

        ``owed`` is below zero for these.
        """
        self._transact([{"Update": self._budget(day, owed)}])

    def _budget(self, day: date, tokens: int) -> dict[str, Any]:
        # In a transaction, which the SDK repeats under the same token: one whose answer is lost is
        # not counted twice.
        item = self._item(self._run_key(day), "BUDGET")
        kept = {name: item[name] for name in ("schema_version", "written_at", "expires_at")}
        return {
            "TableName": self._table.name,
            "Key": {"pk": item["pk"], "sk": item["sk"]},
            "UpdateExpression": (
                "ADD tokens :tokens"
                " SET schema_version = :schema_version, written_at = :written_at,"
                " expires_at = :expires_at"
            ),
            "ExpressionAttributeValues": {
                ":tokens": tokens,
                **{f":{name}": value for name, value in kept.items()},
            },
        }

    def remember_response_mode(self, day: date, mode: str) -> None:
        """Keep the response mode that a run's language model takes."""
        self._table.put_item(Item={**self._item(self._run_key(day), "MODE"), "mode": mode})

    def digest_made(self, day: date) -> int | None:
        """How many batches were missing when the digest was made last; none if it was not."""
        item = self._get(self._run_key(day), "DIGEST")
        return int(item["remaining"]) if item else None

    def mark_digest_made(self, day: date, results: Results, ledger: Ledger) -> None:
        """Note that the digest of these results was made and mailed, and its ledger.

        A digest that was made with fewer batches missing stays noted; one of a run that was
        reopened since is not noted, since it has to be made again.
        """
        key = self._run_key(day)
        made = {
            **self._item(key, "DIGEST"),
            "remaining": results.remaining,
            **ledger.model_dump(),
        }
        still = {
            "TableName": self._table.name,
            "Key": {"pk": key, "sk": "RUN"},
            "ConditionExpression": "reopened = :reopened",
            "ExpressionAttributeValues": {":reopened": results.reopened},
        }
        better = {
            "ConditionExpression": "attribute_not_exists(pk) OR remaining >= :remaining",
            "ExpressionAttributeValues": {":remaining": results.remaining},
        }
        try:
            self._transact([{"ConditionCheck": still}, _put(self._table.name, made, **better)])
        except ClientError as problem:
            if "ConditionalCheckFailed" not in _cancellation_reasons(problem):
                raise

    def claim_mail(self, day: date, recipient: str) -> bool:
        """Claim the one mail of a date to a recipient; ``False`` where somebody did before.

        A claim that SES refused can be claimed again: that mail was certainly not sent.
        """
        return self._put_if(
            {**self._item(self._run_key(day), _mail(recipient), CLAIM_DAYS), "state": "SENDING"},
            "attribute_not_exists(pk) OR #state = :refused",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={":refused": "REFUSED"},
        )

    def mail_claim(self, day: date, recipient: str) -> MailClaim | None:
        """The claim of a mail, or none for a mail that nobody claimed."""
        item = self._get(self._run_key(day), _mail(recipient))
        return self._claim(item) if item else None

    def mail_claims(self, day: date) -> dict[str, MailClaim]:
        """Every claim of a date, by recipient in lower case."""
        prefix = _mail("")
        return {
            item["sk"].removeprefix(prefix): self._claim(item)
            for item in self._query(self._run_key(day), prefix)
        }

    def settle_mail(self, day: date, recipient: str, state: str, detail: str) -> None:
        """Close a claim as ``SENT`` with SES's message id, or as ``REFUSED`` or ``UNCERTAIN``."""
        item = self._item(self._run_key(day), _mail(recipient), CLAIM_DAYS)
        self._table.put_item(Item={**item, "state": state, "detail": detail})

    def seen(self, ids: Sequence[str]) -> dict[str, date]:
        """The papers among ``ids`` that a run has read, with the date of that run."""
        found: dict[str, date] = {}
        for start in range(0, len(ids), 100):
            keys = [
                {"pk": f"SEEN#{paper_id}", "sk": self._seen}
                for paper_id in ids[start : start + 100]
            ]
            for item in self._get_many(keys):
                found[item["pk"].removeprefix("SEEN#")] = date.fromisoformat(item["date"])
        return found

    def mark_seen(self, papers: Iterable[Paper], day: date) -> None:
        """Note that the run of a date has read these papers."""
        with self._table.batch_writer() as writer:
            for paper in papers:
                item = self._item(f"SEEN#{paper.id}", self._seen, days=SEEN_DAYS)
                writer.put_item(Item={**item, "date": day.isoformat()})

    def note_profiles(self, day: date, names: Sequence[str]) -> None:
        """Keep whose runs a date has, where there are many profiles; the single one has no name."""
        item = self._item("PROFILES", day.isoformat())
        self._table.put_item(Item={**item, "names": list(names)})

    def profiles(self, day: date) -> list[str]:
        """The names of the profiles that have a run of a date, which may be yet to start.

        A date that was not read, or for the single profile alone, is the single profile's.
        """
        item = self._get("PROFILES", day.isoformat())
        return [str(name) for name in item["names"]] if item else [""]

    def add_pending(self, pending: Pending) -> None:
        """Note that a stored feed waits for the next run."""
        self._table.put_item(Item=self._item("PENDING", f"{pending.date}#{pending.category}"))

    def pending(self) -> list[Pending]:
        """The stored feeds that wait for the next run, the oldest first."""
        found = (item["sk"].partition("#") for item in self._query("PENDING"))
        return [Pending(date.fromisoformat(day), category) for day, _, category in found]

    def clear_pending(self, pending: Iterable[Pending]) -> None:
        """Note that these stored feeds were read."""
        for feed in pending:
            self._table.delete_item(Key={"pk": "PENDING", "sk": f"{feed.date}#{feed.category}"})

    def record_day(self, day: Day) -> None:
        """Write a day's line of the archive's index; it never expires."""
        item: dict[str, Any] = {
            "pk": f"DAYS{self._suffix}",
            "sk": day.date.isoformat(),
            "schema_version": SCHEMA_VERSION,
        }
        self._table.put_item(Item={**item, "day": day.model_dump_json()})

    def days(self, since: date | None = None) -> list[Day]:
        """The days of the archive's index, all or those since a date, the oldest first."""
        condition = Key("sk").gte(since.isoformat()) if since else None
        found = self._query(f"DAYS{self._suffix}", condition)
        return [_read(migrations.DAY, item, "day") for item in found]

    def votes(self, log: Callable[[str], None] = print) -> list[Vote]:
        """Every vote of the profile's readers, those taken back among them.

        No digest should wait for a vote: what cannot be read is left out, and ``log`` told of it.
        """
        found: list[Vote] = []
        problems: list[str] = []
        for item in self._query(self._votes, as_written=True):
            try:
                found.append(_read(migrations.VOTE, _current(item), "vote"))
            except Unreadable as problem:
                problems.append(str(problem))
        if problems:
            told = "; ".join(problems[:TOLD])
            log(f"{len(problems)} votes cannot be read and do not count, such as {told}")
        return found

    def vote(self, paper_id: str, reader: str) -> Vote | None:
        """What a reader says of a paper, or none where that reader never voted on it."""
        item = self._get(self._votes, f"{paper_id}#{reader}")
        return _read(migrations.VOTE, item, "vote") if item else None

    def cast(self, vote: Vote, reader: str) -> bool:
        """Write a reader's vote, unless the one before it is not the last any more: ``False``."""
        item = {
            **self._item(self._votes, f"{vote.paper.id}#{reader}", VOTE_DAYS),
            "version": vote.version,
            "vote": vote.model_dump_json(),
        }
        if vote.version == 1:
            return self._put_if(item)
        return self._put_if(
            item,
            "#version = :before",
            ExpressionAttributeNames={"#version": "version"},
            ExpressionAttributeValues={":before": vote.version - 1},
        )

    def _run_key(self, day: date) -> str:
        return f"RUN#{day.isoformat()}{self._suffix}"

    def _claim(self, item: Mapping[str, Any]) -> MailClaim:
        written = datetime.fromisoformat(item["written_at"]).timestamp()
        return MailClaim(item["state"], self._clock() - written, item.get("detail", ""))

    def _item(self, partition: str, sort: str, days: int = RUN_DAYS) -> dict[str, Any]:
        now = int(self._clock())
        return {
            "pk": partition,
            "sk": sort,
            "schema_version": SCHEMA_VERSION,
            "written_at": datetime.fromtimestamp(now, UTC).isoformat(),
            "expires_at": now + days * 86_400,
        }

    def _get(self, partition: str, sort: str) -> dict[str, Any] | None:
        key = {"pk": partition, "sk": sort}
        item = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return _current(item) if item else None

    def _query(
        self,
        partition: str,
        where: str | ConditionBase | None = None,
        *,
        consistent: bool = True,
        as_written: bool = False,
    ) -> Iterator[dict[str, Any]]:
        """The items of a partition in order: all, those of a prefix, or those of a condition.

        They are as this version writes them, unless they are asked for ``as_written``.
        """
        condition: ConditionBase = Key("pk").eq(partition)
        if where is not None:
            condition &= Key("sk").begins_with(where) if isinstance(where, str) else where
        start: dict[str, Any] = {}
        while True:
            page = self._table.query(
                KeyConditionExpression=condition, ConsistentRead=consistent, **start
            )
            yield from page["Items"] if as_written else map(_current, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _get_many(
        self, keys: list[dict[str, str]], *, consistent: bool = True
    ) -> list[dict[str, Any]]:
        # Imported here, as below: a deadline that finds its digest made tries nothing again.
        from tenacity import (
            retry,
            retry_if_exception_type,
            stop_after_attempt,
            wait_random_exponential,
        )

        found: list[dict[str, Any]] = []
        wanted = {"Keys": keys, "ConsistentRead": consistent}
        request: Mapping[str, Any] = {self._table.name: wanted}

        @retry(
            retry=retry_if_exception_type(Unprocessed),
            stop=stop_after_attempt(8),
            wait=wait_random_exponential(multiplier=0.1, max=5),
            reraise=True,
        )
        def get() -> None:
            nonlocal request
            answer = self._resource.batch_get_item(RequestItems=request)
            found.extend(map(_current, answer["Responses"].get(self._table.name, [])))
            request = answer.get("UnprocessedKeys") or {}
            if request:
                raise Unprocessed(f"DynamoDB left keys of {self._table.name} unprocessed")

        get()
        return found

    def _put_if(
        self, item: dict[str, Any], condition: str = "attribute_not_exists(pk)", **named: Any
    ) -> bool:
        """Write an item where a condition holds; ``named`` is what the condition names.

        Where the answer to a write is lost, the SDK writes again and finds its own item in the
        way: each write has an id, so that it is known for one that succeeded.
        """
        item = {**item, "put": uuid4().hex}
        try:
            self._table.put_item(Item=item, ConditionExpression=condition, **named)
        except ClientError as problem:
            if problem.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            found = self._get(item["pk"], item["sk"])
            return found is not None and found.get("put") == item["put"]
        return True

    def _transact(self, operations: list[Any]) -> None:
        from tenacity import retry, retry_if_exception, stop_after_attempt, wait_random_exponential

        # Scorers count the same run down at the same time; DynamoDB cancels one of two
        # transactions that meet (TransactionConflict), and the SDK does not repeat it.
        @retry(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(12),
            wait=wait_random_exponential(multiplier=0.05, max=3),
            reraise=True,
        )
        def write() -> None:
            self._resource.meta.client.transact_write_items(TransactItems=operations)

        write()


def _current(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as this version writes it, but for its JSON, which :func:`_read` brings up."""
    return migrations.brought_up(_kind(item), item, _named(item))


def _read(stored: Stored[T], item: Mapping[str, Any], attribute: str) -> T:
    """The value in an attribute of an item, whose version it has unless it carries its own."""
    return stored.read(item.get(attribute, ""), _named(item), item["schema_version"])


def _kind(item: Mapping[str, Any]) -> str:
    """The first word of an item's key: of the sort key among a run's, else of the partition."""
    key = item["sk"] if item["pk"].startswith("RUN#") else item["pk"]
    return str(key.partition("#")[0])


def _named(item: Mapping[str, Any]) -> str:
    """An item for a log: by its keys, but for the address that a claim is about."""
    sort = "MAIL" if _kind(item) == "MAIL" else item["sk"]
    return f"the table's item {item['pk']} {sort}"


def _queued(attempt: str, number: int) -> str:
    return f"QUEUED#{attempt}#{number:05d}"


def _triaged(attempt: str, number: int) -> str:
    return f"TRIAGED#{attempt}#{number:05d}"


def _counts(attempt: str, number: int) -> str:
    # Between what other reads of a run take, so that they need not read over hundreds of votes.
    return f"COUNTS#{attempt}#{number:05d}"


def _batch(number: int) -> str:
    return f"BATCH#{number:05d}"


def _mail(recipient: str) -> str:
    return f"MAIL#{recipient.casefold()}"


def _put(table: str, item: dict[str, Any], **condition: Any) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": item, **condition}}


def _cancellation_reasons(problem: ClientError) -> list[str]:
    if problem.response["Error"]["Code"] != "TransactionCanceledException":
        return []
    reasons: Any = problem.response.get("CancellationReasons", [])
    return [reason.get("Code", "") for reason in reasons]


def _may_pass(problem: BaseException) -> bool:
    if not isinstance(problem, ClientError):
        return False
    reasons = _cancellation_reasons(problem)
    passing = {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
    return bool(passing & set(reasons)) and "ConditionalCheckFailed" not in reasons
