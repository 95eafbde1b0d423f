"""The Lambda that reads arXiv's feeds, several times a night, or rebuilds a past day.

It starts the run of the single profile, or of the first of many; for each of the others it gets a
message of the profile queue.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from arxiv_digest.adapters.archive import Archive
from arxiv_digest.adapters.arxiv import ExportApi, FeedReader
from arxiv_digest.adapters.queue import Queue, each_message
from arxiv_digest.adapters.runs import UNCHECKED, Runs
from arxiv_digest.adapters.settings import FetchSettings
from arxiv_digest.firings import FetchEvent, eastern_date
from arxiv_digest.migrations import PROFILE_DAY
from arxiv_digest.models import LOCAL_SCORER, Scorer, ScorerKind
from arxiv_digest.steps.fetch import Fetch, FetchResult

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

logger = Logger(service="fetch")
metrics = Metrics(service="fetch")


@cache
def profile_queue() -> Queue:
    """The queue of profiles whose run of a date is to be started."""
    return Queue(boto3.client("sqs"), FetchSettings.told().profile_queue_url)


@cache
def step() -> Fetch:
    """The step with its adapters, made once for each execution environment."""
    settings = FetchSettings.told()
    model = settings.llm_model
    return Fetch(
        arxiv=FeedReader(settings.feed_base_url, settings.feed_interval),
        export_api=ExportApi(settings.export_api_url, settings.feed_interval),
        runs=Runs(boto3.resource("dynamodb", config=UNCHECKED), settings.table),
        queue=Queue(boto3.client("sqs"), settings.queue_url),
        profile_queue=profile_queue(),
        archive=Archive(boto3.client("s3"), settings.bucket),
        scorer=Scorer(kind=ScorerKind.LANGUAGE_MODEL, name=model) if model else LOCAL_SCORER,
        voting=settings.votes,
        log=logger.error,
    )


def start(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Start the run of one of many profiles; whatever is raised has SQS deliver it again."""
    logger.set_correlation_id(None)
    logger.remove_keys(["profile"])
    left = lambda_context.get_remaining_time_in_millis() / 1000
    receives = int(record.attributes.approximate_receive_count)
    with profile_queue().handling(record.receipt_handle, receives, left, logger.exception):
        day = PROFILE_DAY.read(record.body, f"message {record.message_id}")
        logger.set_correlation_id(day.date.isoformat())
        logger.append_keys(profile=day.profile)
        report(step().start(day, datetime.now(UTC), record.message_id))


def report(result: FetchResult) -> dict[str, Any]:
    """Log what was done, and return it as JSON."""
    logger.set_correlation_id(result.date.isoformat())
    answer = result.model_dump(mode="json")
    logger.info("fetch %s for %s", result.done, result.date, extra={"fetch": answer})
    return answer


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a firing, a :class:`FetchEvent` (the answer is a ``FetchResult``), or messages."""
    if "Records" in event:
        return each_message(event, context, start)
    now = datetime.now(UTC)
    logger.set_correlation_id(eastern_date(now).isoformat())
    result = step()(FetchEvent.model_validate(event), now, context.aws_request_id)
    for error in result.refused.values():
        logger.error("a profile cannot be used, the others can: %s", error)
    metrics.add_metric("ProfilesRefused", MetricUnit.Count, len(result.refused))
    return report(result)
