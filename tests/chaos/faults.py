"""Every fault at every hop: how it is injected, and what a day under it must come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from functools import partial
from threading import Thread
from typing import Any

from tests.chaos.days import PATIENCE, Day, Row
from tests.deployed import READERS, Deployed
from tests.faults import THROTTLED, UNAVAILABLE

Step = Callable[[Day], None]


class Alone(Enum):
    """Until when a fault would reach into days that begin after its own."""

    NO = "no"
    BEGUN = "until its messages are sent"
    ENDED = "until its day has ended"


FIRST = date(2024, 9, 2)

OPERATIONS = {
    ("Fetch", "s3"): ("GetObject", "PutObject"),
    ("Fetch", "dynamodb"): ("GetItem", "BatchWriteItem", "PutItem"),
    ("Fetch", "sqs"): ("SendMessageBatch",),
    ("Score", "sqs"): ("ChangeMessageVisibility",),
    ("Score", "dynamodb"): ("BatchGetItem", "TransactWriteItems"),
    ("Aggregate", "dynamodb"): ("GetItem", "Query", "PutItem"),
    ("Aggregate", "s3"): ("PutObject",),
    ("Aggregate", "ses"): ("",),
}
"""What each function asks of each service; microburst knows no operation of SES v2."""


def _nothing(_: Day) -> None:
    pass


ONE_BATCH = 10
"""Papers of a day whose batch dies: another one's call would die with it, at any place.

Where it has not yet shortened the time for which its message is hidden, that is an hour.
"""

SIDE_BY_SIDE = 8
"""Days that pass at the same time."""

HANGS = {"timeout_ms": 60_000}
CARRIED_OUT = {"latency": 8_000}
"""How a request is held: AWS never has it, or carries it out when nobody waits for it any more."""


@dataclass(frozen=True)
class Fault:
    """One fault at one hop.

    ``inject`` comes before the day begins, ``meanwhile`` before its messages are all sent, and
    ``afterwards`` until it ends; ``ended`` says when the day is over; ``alone`` until when no other
    day begins. ``mails`` are the recipients that have a mail in the end, ``failed`` the papers that
    have no score.
    """

    name: str
    hop: str
    inject: Step = _nothing
    meanwhile: Step = _nothing
    afterwards: Step = _nothing
    ended: Callable[[Day], bool] = Day.finished
    alone: Alone = Alone.NO
    papers: int = 12
    mails: tuple[str, ...] = READERS
    failed: int = 0

    @property
    def of_fetch(self) -> bool:
        """Whether the fault meets a fetch that reads the feeds."""
        return self.hop.startswith("fetch")

    @property
    def id(self) -> str:
        """The name by which a test is chosen."""
        return f"{self.hop}: {self.name}".replace("→", "to")


def hop(function: str, service: str) -> str:
    """A hop as the table names it."""
    names = {"s3": "S3", "dynamodb": "DynamoDB", "sqs": "SQS", "ses": "SES"}
    return f"{function.lower()} → {names[service]}"


def refused(function: str, service: str, times: int, error: dict[str, Any]) -> Step:
    """Refuse each operation of a hop a number of times."""

    def inject(day: Day) -> None:
        for operation in OPERATIONS[function, service]:
            day.fail(function, service, operation, times=times, error=error)

    return inject


def unanswered(function: str, service: str) -> Step:
    """Lose the answers to each operation of a hop once, after AWS has carried it out."""

    def inject(day: Day) -> None:
        for operation in OPERATIONS[function, service]:
            day.fail(function, service, operation, times=1, response={"abort_frac": 0.0})

    return inject


def out(function: str, service: str) -> Step:
    """Refuse a hop's last operation more often than the SDK tries it, which is eight times."""
    operation = OPERATIONS[function, service][-1]
    error = UNAVAILABLE[service]

    def inject(day: Day) -> None:
        day.fail(function, service, operation, times=10, error=error)

    return inject


def held_and_killed(
    function: str, service: str, operation: str, effect: dict[str, int] = HANGS, naming: str = ""
) -> dict[str, Step]:
    """Kill a function while a request of it is held: before AWS has it, unless told otherwise."""

    def inject(day: Day) -> None:
        day.fail(function, service, operation, naming, times=1, **effect)

    return {"inject": inject, "meanwhile": lambda day: day.kill_held(function, day.rules[0])}


def misbehaving(kind: str, times: int = 1) -> Step:
    """Let the language model misbehave for the first batch."""
    return lambda day: day.deployed.model.misbehave(kind, day.papers[0].id, times)


def _an_hour_later(day: Day) -> None:
    day.until(lambda: day.deployed.runs.get(day.date) is not None)
    day.an_hour_passes()
    day.announce()


def _killed_and_an_hour_later(day: Day) -> None:
    day.kill_held("Fetch", day.rules[0])
    _an_hour_later(day)


def _killed_with_a_claim(day: Day) -> None:
    day.kill_held("Aggregate", day.rules[0])
    day.until(lambda: READERS[1] in day.deployed.mails(day.date))
    day.minutes_later(READERS[0])
    day.deadline()


def _mailed(day: Day) -> bool:
    return day.deployed.runs.digest_made(day.date) is not None


def _all_but_one_batch_is_scored(day: Day) -> bool:
    results = day.deployed.runs.results(day.date)
    return len(results.troubles) == results.remaining == 1


def _down_until_the_deadline(day: Day) -> None:
    day.until(lambda: _all_but_one_batch_is_scored(day))
    day.deadline()


def _twice(day: Day) -> None:
    day.deployed.send_again(day.batches())
    day.until(day.finished)
    day.deployed.send_again(day.batches())
    day.until(lambda: day.deployed.visible("Queue") == 0)


def _record_twice(day: Day) -> None:
    day.until(day.finished)
    day.counted_down_again()
    day.counted_down_again()


def _refused_until_the_deadline(day: Day) -> None:
    claims = day.deployed.runs
    day.until(lambda: (c := claims.mail_claim(day.date, READERS[1])) and c.state == "SENT")
    day.deadline()


def _redriven(day: Day) -> None:
    """Let a message die, the deadline come without it, and bring the message back."""
    sqs = day.deployed.stack.client("sqs")
    outputs = day.deployed.stack.outputs
    arn = sqs.get_queue_attributes(
        QueueUrl=outputs["DeadLetterQueue"], AttributeNames=["QueueArn"]
    )["Attributes"]["QueueArn"]

    def after(receives: int) -> None:
        policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {receives}}}'
        sqs.set_queue_attributes(QueueUrl=outputs["Queue"], Attributes={"RedrivePolicy": policy})

    def dead() -> list[dict[str, Any]]:
        received = sqs.receive_message(
            QueueUrl=outputs["DeadLetterQueue"], MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return list(received.get("Messages", ()))

    day.until(lambda: _all_but_one_batch_is_scored(day))
    after(1)
    day.until(lambda: any(str(day.date) in message["Body"] for message in dead()))
    after(8)
    day.deadline()
    day.until(lambda: _mailed(day))
    early = day.account()
    assert (early.scored, early.failed, early.mails) == (2, 10, READERS), early
    while messages := dead():
        for message in messages:
            handle = message["ReceiptHandle"]
            sqs.send_message(QueueUrl=outputs["Queue"], MessageBody=message["Body"])
            sqs.delete_message(QueueUrl=outputs["DeadLetterQueue"], ReceiptHandle=handle)


FAULTS = (
    # ------------------------------------------------------------------ alone, but for one waiting
    Fault(
        "a message dead, the deadline, a redrive",
        "SQS → score",
        misbehaving("500"),
        _redriven,
        alone=Alone.ENDED,
    ),
    Fault("429 for minutes", "score → language model", misbehaving("429", 3), alone=Alone.BEGUN),
    Fault(
        "killed while it writes the archive",
        "aggregate → S3",
        **held_and_killed("Aggregate", "s3", "PutObject"),
        alone=Alone.ENDED,
    ),
    Fault(
        "killed between archive and mail",
        "aggregate → SES",
        **held_and_killed("Aggregate", "dynamodb", "PutItem", naming=f"MAIL#{READERS[0]}"),
        alone=Alone.ENDED,
    ),
    Fault(
        "killed between two recipients",
        "aggregate → SES",
        **held_and_killed("Aggregate", "dynamodb", "PutItem", naming=f"MAIL#{READERS[1]}"),
        alone=Alone.ENDED,
    ),
    Fault(
        "killed between claim and mail: nobody knows whether SES took it",
        "aggregate → SES",
        held_and_killed("Aggregate", "ses", "")["inject"],
        _killed_with_a_claim,
        mails=READERS[1:],
        alone=Alone.ENDED,
    ),
    Fault(
        "killed between mail and note: nobody knows whether SES took it",
        "aggregate → SES",
        held_and_killed("Aggregate", "ses", "", CARRIED_OUT)["inject"],
        _killed_with_a_claim,
        alone=Alone.ENDED,
        ended=lambda day: day.finished() and len(day.deployed.mails(day.date)) == 2,
    ),
    Fault(
        "killed while it sends",
        "fetch → SQS",
        held_and_killed("Fetch", "sqs", "")["inject"],
        _killed_and_an_hour_later,
        alone=Alone.ENDED,
    ),
    Fault(
        "killed before the run is written",
        "fetch → DynamoDB",
        **held_and_killed("Fetch", "dynamodb", "PutItem"),
        alone=Alone.ENDED,
    ),
    Fault(
        "killed before its scores are written",
        "score → DynamoDB",
        **held_and_killed("Score", "dynamodb", "TransactWriteItems"),
        papers=ONE_BATCH,
        alone=Alone.BEGUN,
    ),
    Fault(
        "killed before it hears that its scores are written",
        "score → DynamoDB",
        **held_and_killed("Score", "dynamodb", "TransactWriteItems", CARRIED_OUT),
        papers=ONE_BATCH,
        alone=Alone.BEGUN,
    ),
    # ------------------------------------------------------------------ of the others, the longest
    Fault("slower than the function may run", "score → language model", misbehaving("asleep")),
    # ------------------------------------------------------------------ AWS says no
    *(
        Fault(name, hop(*where), inject, _an_hour_later if resumed else _nothing)
        for where in OPERATIONS
        if where[1] != "ses"
        for name, inject, resumed in (
            ("throttled", refused(*where, 3, THROTTLED[where[1]]), False),
            ("answers 5xx", refused(*where, 3, UNAVAILABLE[where[1]]), False),
            ("answers are lost", unanswered(*where), False),
            ("out for longer than the SDK tries", out(*where), where == ("Fetch", "sqs")),
        )
    ),
    Fault("throttled", "aggregate → SES", refused("Aggregate", "ses", 2, THROTTLED["ses"])),
    Fault(
        "throttled for longer than is tried",
        "aggregate → SES",
        refused("Aggregate", "ses", 6, THROTTLED["ses"]),
        afterwards=_refused_until_the_deadline,
    ),
    Fault(
        "answers 5xx: nobody knows whether it took the mail",
        "aggregate → SES",
        refused("Aggregate", "ses", 1, UNAVAILABLE["ses"]),
        mails=READERS[1:],
    ),
    Fault(
        "the answer is lost: nobody knows whether it took the mail",
        "aggregate → SES",
        unanswered("Aggregate", "ses"),
    ),
    # ------------------------------------------------------------------ at least once, in any order
    Fault("every message delivered three times", "SQS → score", afterwards=_twice),
    Fault("batches out of order", "SQS → score", misbehaving("slow"), papers=32),
    Fault("the same record three times", "stream → aggregate", afterwards=_record_twice),
    # ------------------------------------------------------------------ the language model
    Fault(
        "down for the whole day",
        "score → language model",
        misbehaving("500", 1000),
        afterwards=_down_until_the_deadline,
        ended=_mailed,
        failed=10,
    ),
    *(
        Fault(name, "score → language model", misbehaving(kind, times), failed=failed)
        for name, kind, times, failed in (
            ("401", "401", 1, 10),
            ("quota gone", "quota", 1, 10),
            ("garbage, once", "garbage", 1, 0),
            ("garbage, always", "garbage", 1000, 10),
            ("refuses, once", "refusal", 1, 0),
            ("refuses, always", "refusal", 1000, 10),
            ("answers for another batch, once", "wrong ids", 1, 0),
            ("answers for another batch, always", "wrong ids", 1000, 10),
            ("cut short, once", "cut JSON", 1, 0),
        )
    ),
)


def start(fault: Fault, deployed: Deployed, date: date) -> Day:
    """Let a day begin under a fault, up to its messages being sent."""
    day = Day.of(deployed, date, fault.papers)
    fault.inject(day)
    if fault.of_fetch:
        with day.published():
            day.announce()
            fault.meanwhile(day)
            day.queued()
    else:
        day.keep_feeds()
        day.rebuild()
        fault.meanwhile(day)
        day.queued()
    return day


def pass_all(deployed: Deployed, faults: Sequence[Fault]) -> dict[str, Future[Row]]:
    """Let a day pass under each fault; the accounts are by the faults' ids.

    They begin in their order, and pass side by side but for those that are alone. Those whose fault
    is fetch's begin one after another, since they read the feeds that arXiv publishes.
    """
    accounts = {fault.id: Future[Row]() for fault in faults}

    def end(fault: Fault, began: Callable[[], Day]) -> None:
        try:
            accounts[fault.id].set_result(finish(fault, began()))
        except BaseException as problem:
            accounts[fault.id].set_exception(problem)

    def pass_in_turn() -> None:
        one, many = ThreadPoolExecutor(1), ThreadPoolExecutor(len(faults))
        with one as in_turn, many as begun, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            for number, fault in enumerate(faults):
                begin = partial(start, fault, deployed, FIRST + timedelta(number))
                if not fault.of_fetch and fault.alone is Alone.NO:
                    pool.submit(end, fault, begin)
                    continue
                began = in_turn.submit(begin)
                ended = begun.submit(end, fault, began.result)
                if fault.alone is not Alone.NO:
                    wait([began if fault.alone is Alone.BEGUN else ended])

    Thread(target=pass_in_turn, daemon=True).start()
    return accounts


def finish(fault: Fault, day: Day) -> Row:
    """Wait for the end of a day under a fault; raises ``AssertionError`` where it is not exact."""
    fault.afterwards(day)
    try:
        day.deployed.wait(lambda: fault.ended(day), PATIENCE / 2)
    except AssertionError:
        # A call whose time was over before it had hidden its message for less than an hour: an hour
        # has passed.
        day.deployed.send_again(day.undone())
        day.until(lambda: fault.ended(day))
    row = day.account()
    for rule in day.rules:
        assert day.deployed.faults.fired(rule), "a fault that was never applied shows nothing"
    expected = Row(
        announced=fault.papers,
        scored=fault.papers - fault.failed,
        triaged=0,
        failed=fault.failed,
        mails=fault.mails,
        archive=True,
    )
    assert row == expected, (row, expected)
    return row
