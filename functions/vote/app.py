"""The Lambda behind the links of votes: a page that asks, and its buttons."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import LambdaFunctionUrlEvent
from aws_lambda_powertools.utilities.typing import LambdaContext

from arxiv_digest.adapters.archive import Archive, place_of
from arxiv_digest.adapters.runs import UNCHECKED, Runs
from arxiv_digest.adapters.secrets import SOON, Secrets
from arxiv_digest.adapters.settings import VoteSettings
from arxiv_digest.rendering import vote_policy
from arxiv_digest.steps.vote import LONGEST_FORM, Answer, TakeVote, refusal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = Logger(service="vote")
metrics = Metrics(service="vote")


@cache
def settings() -> VoteSettings:
    """The settings, read once for each execution environment."""
    return VoteSettings.told()


@cache
def runs() -> Runs:
    """The runs table, made once for each execution environment."""
    return Runs(boto3.resource("dynamodb", config=UNCHECKED), settings().table)


@cache
def s3() -> S3Client:
    """S3, made once for each execution environment."""
    return boto3.client("s3")


def archive(profile: str) -> Archive:
    """The archive of one profile, of which the role may read digests and list nothing."""
    return Archive(s3(), settings().bucket, place_of(profile), lists=False)


@cache
def secrets() -> Secrets:
    """Secrets Manager, made once for each execution environment."""
    return Secrets(boto3.client("secretsmanager", config=SOON))


def answer(request: LambdaFunctionUrlEvent) -> Answer:
    """What becomes of one request."""
    method = request.http_method
    if method not in ("GET", "HEAD", "POST"):
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "vote_unreadable", "another method")
    form = None
    if method == "POST":
        sent = request.body or ""
        # As base64 a text is at most a third longer.
        if len(sent) > 2 * LONGEST_FORM:
            return refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "vote_unreadable", "a long form")
        form = base64.b64decode(sent).decode("latin-1") if request.is_base64_encoded else sent
    take = TakeVote(runs(), archive, secrets().text(settings().vote_secret))
    return take(request.query_string_parameters.get("v", ""), form, datetime.now(UTC))


@logger.inject_lambda_context(clear_state=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request to the function's address with a page, whatever happens."""
    try:
        made = answer(LambdaFunctionUrlEvent(event))
    except Exception:
        logger.exception("a request could not be answered")
        metrics.add_metric("VoteFailed", MetricUnit.Count, 1)
        metrics.flush_metrics()
        made = refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "vote_failed", "a fault of ours")
    logger.info(made.log, extra={"status": made.status})
    return {
        "statusCode": int(made.status),
        "headers": {
            "Content-Type": "text/html; charset=utf-8",
            "Cache-Control": "no-store",
            "Content-Security-Policy": vote_policy(),
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex",
        },
        "body": made.page,
    }
