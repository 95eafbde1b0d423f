"""The Lambda that reads arXiv's feeds, several times a night, or rebuilds a past day."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from arxiv_digest.adapters.archive import Archive
from arxiv_digest.adapters.arxiv import ExportApi, FeedReader
from arxiv_digest.adapters.queue import BatchQueue
from arxiv_digest.adapters.runs import Runs
from arxiv_digest.adapters.settings import FetchSettings
from arxiv_digest.announcements import eastern_date
from arxiv_digest.firings import FetchEvent
from arxiv_digest.models import LOCAL_SCORER, Scorer, ScorerKind
from arxiv_digest.steps.fetch import Fetch

logger = Logger(service="fetch")


@cache
def step() -> Fetch:
    """The step with its adapters, made once for each execution environment."""
    settings = FetchSettings()
    model = settings.llm_model
    return Fetch(
        arxiv=FeedReader(settings.feed_base_url, settings.feed_interval),
        export_api=ExportApi(settings.export_api_url, settings.feed_interval),
        runs=Runs(boto3.resource("dynamodb"), settings.table),
        queue=BatchQueue(boto3.client("sqs"), settings.queue_url),
        archive=Archive(boto3.client("s3"), settings.bucket),
        scorer=Scorer(kind=ScorerKind.LANGUAGE_MODEL, name=model) if model else LOCAL_SCORER,
    )


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a firing; ``event`` is a :class:`FetchEvent`, the answer a ``FetchResult``."""
    now = datetime.now(UTC)
    logger.set_correlation_id(eastern_date(now).isoformat())
    result = step()(FetchEvent.model_validate(event), now, context.aws_request_id)
    logger.set_correlation_id(result.date.isoformat())
    answer = result.model_dump(mode="json")
    logger.info("fetch %s for %s", result.done, result.date, extra={"fetch": answer})
    return answer
