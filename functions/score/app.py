"""The Lambda that scores one batch a message."""

from __future__ import annotations

import json
import time
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from arxiv_digest.adapters.queue import Queue, each_message
from arxiv_digest.adapters.runs import UNCHECKED, Runs
from arxiv_digest.adapters.secrets import SOON, Secrets
from arxiv_digest.adapters.settings import ScoreSettings
from arxiv_digest.migrations import BATCH
from arxiv_digest.steps.score import Score, ScoreDone

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

    from arxiv_digest.adapters.llm import LanguageModel

STEPS = 8
"""Profiles whose days' local scores are kept at the same time."""

logger = Logger(service="score")
metrics = Metrics(service="score")


@cache
def settings() -> ScoreSettings:
    """The settings, read once for each execution environment."""
    return ScoreSettings.told()


@cache
def secrets() -> Secrets:
    """Secrets Manager, made once for each execution environment."""
    return Secrets(boto3.client("secretsmanager", config=SOON))


def language_model(mode: str | None, name: str | None) -> LanguageModel:
    """A profile's own language model or the configured one, with its key from Secrets Manager."""
    # Imported here: runs that the local scorer scores do not need it.
    from arxiv_digest.adapters.llm import LanguageModel

    told = settings()
    # A server of one's own may want no key, but the client insists on one.
    secret = secrets().text(told.llm_secret) if told.llm_secret else "none"
    return LanguageModel(told.llm_base_url, name or told.llm_model, api_key(secret), mode)


def api_key(secret: str) -> str:
    """The key in a secret: its text, or its only value where the console made it key and value."""
    try:
        [key] = json.loads(secret).values()
    except (ValueError, AttributeError):
        key = secret
    return str(key).strip()


@cache
def runs() -> Runs:
    """The runs table, made once for each execution environment."""
    return Runs(boto3.resource("dynamodb", config=UNCHECKED), settings().table)


@lru_cache(maxsize=STEPS)
def step(profile: str) -> Score:
    """The step with its adapters, for the runs of one profile."""
    return Score(runs().of(profile), language_model)


@cache
def queue() -> Queue:
    """The batch queue, for messages that have to wait."""
    return Queue(boto3.client("sqs"), settings().queue_url)


def score(record: SQSRecord, lambda_context: LambdaContext) -> None:
    """Score the batch of one message; whatever is raised makes SQS deliver it again."""
    arrived = time.monotonic()
    # Whatever the message before this one was about.
    logger.set_correlation_id(None)
    logger.remove_keys(["profile"])
    left = lambda_context.get_remaining_time_in_millis() / 1000
    receives = int(record.attributes.approximate_receive_count)
    try:
        with queue().handling(record.receipt_handle, receives, left, logger.exception):
            batch = BATCH.read(record.body, f"message {record.message_id}")
            logger.set_correlation_id(batch.date.isoformat())
            logger.append_keys(profile=batch.profile)
            result = step(batch.profile)(batch)
    except Exception:
        metrics.add_metric("Redelivered", MetricUnit.Count, 1)
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
    return each_message(event, context, score)
