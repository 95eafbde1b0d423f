"""AWS's list prices and what some models cost, as pure arithmetic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from arxiv_digest.profile import Price as ModelPrice

GIB = 2**30


Usage = Mapping[str, float]
"""What is paid for, by the names that prices have in :data:`PRICES`."""


class Price(NamedTuple):
    """A list price: US dollars for ``per`` units of a service, of which a month has some free.

    Only what is free for every account and for good is counted as ``free``.
    """

    service: str
    unit: str
    dollars: float
    per: float = 1
    free: float = 0


PRICED = "2026 in us-east-1"
"""When and where AWS listed these prices; functions run on arm64."""

PRICES = {
    "lambda requests": Price("Lambda", "requests", 0.20, 1e6, free=1e6),
    "lambda time": Price("Lambda", "GB-seconds", 0.0000133334, free=400_000),
    "write units": Price("DynamoDB", "write units", 0.625, 1e6),
    "read units": Price("DynamoDB", "read units", 0.125, 1e6),
    "table": Price("DynamoDB", "GB-months of the table", 0.25, free=25),
    "table backup": Price("DynamoDB", "GB-months of its backup", 0.20),
    "s3 writes": Price("S3", "PUT and LIST requests", 0.005, 1e3),
    "s3 reads": Price("S3", "GET requests", 0.0004, 1e3),
    "s3 bytes": Price("S3", "GB-months", 0.023),
    "sqs requests": Price("SQS", "requests", 0.40, 1e6, free=1e6),
    # The plan of accounts new to SES since July 2026; older ones pay 0.10 by the piece.
    "mails": Price("SES", "mails", 0.16, 1e3),
    "mail bytes": Price("SES", "GB out of AWS", 0.09, free=100),
    "metrics": Price("CloudWatch", "metric-months", 0.30, free=10),
    "alarms": Price("CloudWatch", "alarms", 0.10, free=10),
    "dashboards": Price("CloudWatch", "dashboards", 3.00, free=3),
    "logs": Price("CloudWatch", "GB of logs", 0.50, free=5),
    "traces": Price("X-Ray", "traces", 5.00, 1e6, free=100_000),
    "schedules": Price("Scheduler", "invocations", 1.00, 1e6, free=14e6),
    "secrets": Price("Secrets Manager", "secrets", 0.40),
    "secret reads": Price("Secrets Manager", "requests", 0.05, 1e4),
}
"""What a month is paid for by, by the name that usage has here."""

MODELS_PRICED = "October 2026"
MODELS = {
    "GPT-6 Luna": ModelPrice(prompt=0.10, cached=0.01, completion=0.50),
    "gpt-oss-120b on Bedrock": ModelPrice(prompt=0.15, completion=0.60),
    "DeepSeek Flash, off-peak": ModelPrice(prompt=0.15, cached=0.003, completion=0.60),
    "DeepSeek Flash, peak": ModelPrice(prompt=0.30, cached=0.006, completion=1.20),
    "GPT-6.1 Terra": ModelPrice(prompt=1.00, cached=0.05, completion=5.00),
    "GPT-6 Sol": ModelPrice(prompt=2.00, cached=0.20, completion=10.00),
}
"""Examples of what a million tokens cost, in US dollars, by the lists of OpenAI, DeepSeek and
Bedrock in us-east-1."""


def stored(usage: Iterable[tuple[int, float | None]], days: int, a_month: float) -> float:
    """Bytes that a table or bucket holds after some days in which each day writes the same.

    ``usage`` has the size of each thing that a day leaves and the days after which it is gone, or
    none; of a month's 30 days ``a_month`` write.
    """
    return sum(size * min(days, kept or days) for size, kept in usage) * a_month / 30


def cost(usage: Usage, *, free: bool = False) -> Counter[str]:
    """US dollars of a month's usage by service, with or without what is always free.

    Raises :class:`KeyError` for usage that has no price.
    """
    dollars: Counter[str] = Counter()
    for name, amount in usage.items():
        price = PRICES[name]
        paid = max(0.0, amount - price.free) if free else amount
        dollars[price.service] += paid / price.per * price.dollars  # type: ignore[assignment]
    return dollars


def at(one: Usage, many: Usage, readers: int, of: int) -> Usage:
    """The usage of ``readers``, on a line through that of one reader and that of ``of``."""
    return {
        name: used + (many[name] - used) / (of - 1) * (readers - 1) for name, used in one.items()
    }
