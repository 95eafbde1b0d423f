"""The Lambda that scores one batch a message."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.parameters import get_secret
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from arxiv_digest.adapters.queue import BatchQueue
from arxiv_digest.adapters.runs import Runs
from arxiv_digest.adapters.settings import ScoreSettings
from arxiv_digest.migrations import BATCH
from arxiv_digest.steps.score import Score, ScoreDone

if TYPE_CHECKING:
    from arxiv_digest.adapters.llm import LanguageModel

KEY_SECONDS = 300
"""For how long an API key is kept before it is asked for again, so that a new one is taken up."""

AFTER_DEATH = 30
"""Seconds between the end of a function's time and the next delivery of its message."""

logger = Logger(service="score")
metrics = Metrics(service="score")
processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)


@cache
def settings() -> ScoreSettings:
    """The settings, read once for each execution environment."""
    return ScoreSettings()


def language_model(mode: str | None) -> LanguageModel:
    """The configured language model, with its key from Secrets Manager."""
    # Imported here: runs that the local scorer scores do not need it.
    from arxiv_digest.adapters.llm import LanguageModel

    told = settings()
    # A server of one's own may want no key, but the client insists on one.
    secret = get_secret(told.llm_secret, max_age=KEY_SECONDS) if told.llm_secret else "none"
    return LanguageModel(told.llm_base_url, told.llm_model, api_key(str(secret)), mode)


def api_key(secret: str) -> str:
    """The key in a secret: its text, or its only value where the console made it key and value."""
    try:
        [key] = json.loads(secret).values()
    except (ValueError, AttributeError):
        key = secret
    return str(key).strip()


@cache
def step() -> Score:
    """The step with its adapters, made once for each execution environment."""
    return Score(Runs(boto3.resource("dynamodb"), settings().table), language_model)


@cache
def queue() -> BatchQueue:
    """The batch queue, for messages that have to wait."""
    return BatchQueue(boto3.client("sqs"), settings().queue_url)


def score(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Score the batch of one message; whatever is raised makes SQS deliver it again."""
    arrived = time.monotonic()
    # Whatever the message before this one was about.
    logger.set_correlation_id(None)
    left = lambda_context.get_remaining_time_in_millis() / 1000
    try:
        queue().hide(record.receipt_handle, left + AFTER_DEATH)
    except (BotoCoreError, ClientError):
        # Should this call be killed, the message comes back later than it could: no reason to stop.
        logger.exception("message %s could not be hidden for a shorter time", record.message_id)
    try:
        batch = BATCH.read(record.body, f"message {record.message_id}")
        logger.set_correlation_id(batch.date.isoformat())
        result = step()(batch)
    except Exception as problem:
        receives = int(record.attributes.approximate_receive_count)
        asked = getattr(problem, "retry_after", 0.0)
        seconds = queue().back_off(record.receipt_handle, receives, asked)
        metrics.add_metric("Redelivered", MetricUnit.Count, 1)
        logger.exception("message %s failed, again in %s s", record.message_id, seconds)
        raise
    logger.info(
        "batch %s of %s: %s",
        result.batch,
        result.date,
        result.done,
        extra={"score": result.model_dump(mode="json")},
    )
    if result.done is ScoreDone.SCORED:
        metrics.add_metric("BatchSeconds", MetricUnit.Seconds, time.monotonic() - arrived)
    metrics.add_metric("Tokens", MetricUnit.Count, result.tokens.total)
    metrics.add_metric("CachedTokens", MetricUnit.Count, result.tokens.cached)


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle messages of the batch queue; the answer names those that failed."""
    return dict(
        process_partial_response(
            event=event, record_handler=score, processor=processor, context=context
        )
    )
