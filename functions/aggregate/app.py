"""The Lambda that makes the digest: when a run is counted down, and at the deadline."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from email.headerregistry import Address
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from arxiv_digest.adapters.archive import Archive
from arxiv_digest.adapters.mailer import ONE_ATTEMPT, Mailer
from arxiv_digest.adapters.runs import Runs
from arxiv_digest.adapters.settings import AggregateSettings
from arxiv_digest.announcements import eastern_date
from arxiv_digest.firings import run_is_due
from arxiv_digest.models import Digest
from arxiv_digest.steps.aggregate import (
    Aggregate,
    AggregateDone,
    AggregateResult,
    DeadlineEvent,
    MailState,
)

logger = Logger(service="aggregate")
metrics = Metrics(service="aggregate")
processor = BatchProcessor(EventType.DynamoDBStreams)


@cache
def step() -> Aggregate:
    """The step with its adapters, made once for each execution environment."""
    settings = AggregateSettings()
    return Aggregate(
        runs=Runs(boto3.resource("dynamodb"), settings.table),
        archive=Archive(boto3.client("s3"), settings.bucket),
        mailer=Mailer(boto3.client("sesv2", config=ONE_ATTEMPT), settings.configuration_set),
        sender=Address(settings.sender_name, addr_spec=settings.sender_address),
        recipients=settings.recipients,
        log=logger.error,
        tell=tell,
        page_base=settings.page_base,
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


def aggregate(day: date, now: datetime) -> AggregateResult:
    """Make the digest of a date and report it."""
    logger.set_correlation_id(day.isoformat())
    result = step()(day, now)
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


def counted_down(record: DynamoDBRecord) -> None:
    """Make the digest of the run that a stream record shows counted down to nothing."""
    keys = record.dynamodb.keys if record.dynamodb else {}
    try:
        aggregate(date.fromisoformat(str(keys["pk"]).removeprefix("RUN#")), datetime.now(UTC))
    except Exception:
        # Powertools names the record to the stream, which tries again, and says nothing.
        logger.exception("the digest of %s could not be made", keys.get("pk"))
        raise


def deadline(now: datetime) -> AggregateResult:
    """Make the digest of the schedule's own deadline, and report whether the day has what is due.

    It comes every day, so that an alarm can tell silence from a weekend. On a weekend no run is
    due; one that was started by hand is finished all the same.
    """
    day = eastern_date(now)
    result = aggregate(day, now)
    missing = result.done is AggregateDone.NO_RUN and run_is_due(day)
    metrics.add_metric("RunMissing", MetricUnit.Count, int(missing))
    if missing:
        logger.error("no run was started for %s; see the log of fetch", day)
    if result.digest is None:
        metrics.add_metric("DigestReady", MetricUnit.Count, int(not missing))
    step().close_claims(day)
    return result


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle stream records, or the deadline: a :class:`DeadlineEvent`."""
    if "Records" in event:
        return dict(
            process_partial_response(
                event=event, record_handler=counted_down, processor=processor, context=context
            )
        )
    told = DeadlineEvent.model_validate(event)
    now = datetime.now(UTC)
    result = aggregate(told.date, now) if told.date else deadline(now)
    return result.model_dump(mode="json", exclude={"digest"})
