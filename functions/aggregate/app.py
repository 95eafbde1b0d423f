"""The Lambda that makes the digest: when a run is counted down, and at the deadline."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from arxiv_digest.adapters.archive import Archive, place_of
from arxiv_digest.adapters.runs import UNCHECKED, Runs, run_of
from arxiv_digest.adapters.settings import AggregateSettings
from arxiv_digest.firings import DEADLINE, DeadlineEvent, eastern_date, run_is_due
from arxiv_digest.models import Digest
from arxiv_digest.steps.aggregate import (
    Aggregate,
    AggregateDone,
    AggregateResult,
    MailState,
)

if TYPE_CHECKING:
    from email.headerregistry import Address

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from mypy_boto3_s3 import S3Client

    from arxiv_digest.adapters.mailer import Mailer
    from arxiv_digest.adapters.queue import Queue
    from arxiv_digest.adapters.secrets import Secrets
    from arxiv_digest.voting import Voting

logger = Logger(service="aggregate")
metrics = Metrics(service="aggregate")


@cache
def settings() -> AggregateSettings:
    """The settings, read once for each execution environment."""
    return AggregateSettings.told()


@cache
def runs() -> Runs:
    """The runs table, made once for each execution environment."""
    return Runs(boto3.resource("dynamodb", config=UNCHECKED), settings().table)


@cache
def deadline_queue() -> Queue:
    """The queue of the deadlines of many profiles."""
    # Imported here: a stack of one reader has no messages.
    from arxiv_digest.adapters.queue import Queue

    return Queue(boto3.client("sqs"), settings().deadline_queue_url)


@cache
def mailer() -> Mailer:
    """SES, made once for each execution environment."""
    # Imported here: a deadline that finds its digest made mails nobody.
    from arxiv_digest.adapters.mailer import ONE_ATTEMPT, Mailer

    return Mailer(boto3.client("sesv2", config=ONE_ATTEMPT), settings().configuration_set)


@cache
def s3() -> S3Client:
    """S3, made once for each execution environment."""
    return boto3.client("s3")


@cache
def secrets() -> Secrets:
    """Secrets Manager, made once for each execution environment."""
    # Imported here: only where readers vote is there a secret.
    from arxiv_digest.adapters.secrets import SOON, Secrets

    return Secrets(boto3.client("secretsmanager", config=SOON))


def sender() -> Address:
    """Whom the mails come from."""
    # Imported here: only a mail needs it.
    from email.headerregistry import Address

    return Address(settings().sender_name, addr_spec=settings().sender_address)


def voting(profile: str) -> Voting | None:
    """Where the digests of a profile are voted on, if readers vote.

    Where the key of links cannot be had, the digest goes without them.
    """
    told = settings()
    if not told.vote_secret:
        return None
    # Imported here, as above.
    from aws_lambda_powertools.utilities.parameters import GetParameterError

    from arxiv_digest.voting import Voting

    try:
        key = secrets().text(told.vote_secret)
    except GetParameterError:
        logger.exception("the digest has no links to vote, since their key cannot be had")
        metrics.add_metric("LinksMissing", MetricUnit.Count, 1)
        return None
    return Voting(told.vote_address, key, profile)


def step(profile: str) -> Aggregate:
    """The step with its adapters, for the runs of one profile."""
    told = settings()
    return Aggregate(
        runs=runs().of(profile),
        archive=Archive(s3(), told.bucket, place_of(profile)),
        mailer=mailer,
        sender=sender,
        # Whoever reads the single profile's digests has nothing to do with the others.
        recipients=() if profile else told.recipients,
        log=logger.error,
        tell=tell,
        page_base=told.page_base,
        voting=lambda: voting(profile),
    )


def tell(state: MailState) -> None:
    """Report what became of a mail."""
    match state:
        case MailState.SENT:
            metrics.add_metric("MailSent", MetricUnit.Count, 1)
        case MailState.REFUSED:
            metrics.add_metric("MailRefused", MetricUnit.Count, 1)
        case MailState.UNCERTAIN:
            metrics.add_metric("MailUncertain", MetricUnit.Count, 1)


def aggregate(profile: str, day: date, now: datetime) -> AggregateResult:
    """Make the digest of a profile and a date, and report it."""
    logger.set_correlation_id(day.isoformat())
    logger.append_keys(profile=profile)
    result = step(profile)(day, now)
    states = Counter(result.mail.values())
    logger.info("digest of %s: %s", day, result.done, extra={"mail": states})
    if result.digest:
        report(result.digest)
        if day == eastern_date(now):
            metrics.add_metric("DigestReady", MetricUnit.Count, 1)
    return result


def report(digest: Digest) -> None:
    """Report a digest's ledger: announced = scored + triaged + failed, in one record."""
    ledger = digest.ledger
    metrics.add_metric("Announced", MetricUnit.Count, ledger.announced)
    metrics.add_metric("Scored", MetricUnit.Count, ledger.scored)
    metrics.add_metric("Triaged", MetricUnit.Count, ledger.triaged)
    metrics.add_metric("Failed", MetricUnit.Count, ledger.failed)
    metrics.add_metric("FailedShare", MetricUnit.Percent, ledger.failed_share)
    metrics.add_metric("Recommended", MetricUnit.Count, digest.recommended)
    metrics.add_metric("ScoredLocally", MetricUnit.Count, digest.scored_locally)
    if digest.cost is not None:
        metrics.add_metric("CostInDollars", MetricUnit.NoUnit, digest.cost)
    if digest.triage:
        metrics.add_metric("TriageOpened", MetricUnit.Count, int(digest.triage.opened))
        kept = digest.triage.recall
        if kept.estimate is not None:
            metrics.add_metric("TriageRecall", MetricUnit.Percent, 100 * kept.estimate)
            metrics.add_metric("TriageRecallLow", MetricUnit.Percent, 100 * kept.low)
            metrics.add_metric("TriageRecallHigh", MetricUnit.Percent, 100 * kept.high)
    logger.info("ledger of the digest of %s", digest.date, extra={"ledger": ledger.model_dump()})


def counted_down(record: dict[str, Any]) -> None:
    """Make the digest of the run that a stream record shows counted down to nothing.

    Whatever is raised has the stream bring the record again.
    """
    key = record["dynamodb"]["Keys"]["pk"]["S"]
    try:
        day, profile = run_of(key)
        aggregate(profile, day, datetime.now(UTC))
    except Exception:
        # Lambda logs it as well, but neither of which run nor as the others are logged.
        logger.exception("the digest of %s could not be made", key)
        raise


def deadline(profile: str, day: date, now: datetime) -> AggregateResult:
    """Make a profile's digest of the deadline's own day, and report whether the day has its due.

    It comes every day, so that an alarm can tell silence from a weekend. On a weekend no run is
    due; one that was started by hand is finished all the same.
    """
    result = aggregate(profile, day, now)
    missing = result.done is AggregateDone.NO_RUN and run_is_due(day)
    metrics.add_metric("RunMissing", MetricUnit.Count, int(missing))
    if missing:
        logger.error("no run was started for %s; see the log of fetch", day)
    if result.digest is None:
        metrics.add_metric("DigestReady", MetricUnit.Count, int(not missing))
    step(profile).close_claims(day)
    return result


def of_one_profile(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Do what a message says of one of many profiles: its deadline, a :class:`DeadlineEvent`."""
    logger.set_correlation_id(None)
    logger.remove_keys(["profile"])
    left = lambda_context.get_remaining_time_in_millis() / 1000
    receives = int(record.attributes.approximate_receive_count)
    with deadline_queue().handling(record.receipt_handle, receives, left, logger.exception):
        told = DEADLINE.read(record.body, f"message {record.message_id}")
        come(told, datetime.now(UTC))


def come(told: DeadlineEvent, now: datetime) -> dict[str, Any]:
    """Let a deadline come; where it is that of many profiles, each gets a message of it."""
    day = told.date or eastern_date(now)
    due = told.deadline and (told.date is None or told.profile is not None)
    profiles = runs().profiles(day) if told.profile is None else [told.profile]
    if len(profiles) > 1:
        deadline_queue().send(
            DeadlineEvent(deadline=due, date=day, profile=name) for name in profiles
        )
        return {"date": day.isoformat(), "profiles": profiles}
    [profile] = profiles
    result = (deadline if due else aggregate)(profile, day, now)
    return result.model_dump(mode="json", exclude={"digest"})


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle stream records, messages of many profiles' deadlines, or the deadline itself.

    The deadline is a :class:`DeadlineEvent`.
    """
    if "Records" not in event:
        return come(DeadlineEvent.model_validate(event), datetime.now(UTC))
    if event["Records"][0]["eventSource"] == "aws:sqs":
        # Imported here, as above.
        from arxiv_digest.adapters.queue import each_message

        return each_message(event, context, of_one_profile)
    for record in event["Records"]:
        counted_down(record)
    return {"batchItemFailures": []}
