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
    )


def aggregate(day: date) -> AggregateResult:
    """Make the digest of a date and report it."""
    result = step()(day, datetime.now(UTC))
    states = Counter(result.mail.values())
    logger.info("digest of %s: %s", day, result.done, extra={"mail": states})
    if result.digest:
        ledger = result.digest.ledger
        metrics.add_metric("Recommended", MetricUnit.Count, result.digest.recommended)
        metrics.add_metric("Failed", MetricUnit.Count, ledger.failed)
        logger.info("ledger of %s", day, extra={"ledger": ledger.model_dump()})
    metrics.add_metric("MailSent", MetricUnit.Count, states[MailState.SENT])
    metrics.add_metric("MailRefused", MetricUnit.Count, states[MailState.REFUSED])
    metrics.add_metric("MailUncertain", MetricUnit.Count, states[MailState.UNCERTAIN])
    return result


def counted_down(record: DynamoDBRecord) -> None:
    """Make the digest of the run that a stream record shows counted down to nothing."""
    keys = record.dynamodb.keys if record.dynamodb else {}
    try:
        aggregate(date.fromisoformat(str(keys["pk"]).removeprefix("RUN#")))
    except Exception:
        # Powertools names the record to the stream, which tries again, and says nothing.
        logger.exception("the digest of %s could not be made", keys.get("pk"))
        raise


@logger.inject_lambda_context
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
    result = aggregate(told.date or eastern_date(datetime.now(UTC)))
    missing = result.done is AggregateDone.NO_RUN
    # Only the schedule's own deadline is about a day that must have a run.
    metrics.add_metric("RunMissing", MetricUnit.Count, int(missing and told.date is None))
    if missing:
        logger.error("no run was started for %s; see the log of fetch", result.date)
    return result.model_dump(mode="json", exclude={"digest"})
