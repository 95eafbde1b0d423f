"""Counts what functions ask of AWS: their requests as they leave, with units, and what they log."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import Any, NamedTuple

import boto3

from benchmarks.units import Item, item_bytes, units_read, write_units, written_keys
from functions.aggregate import app as aggregate
from functions.fetch import app as fetch
from functions.score import app as score

LAMBDA_LINES, LOG_EVENT = 500, 26
"""Bytes that Lambda logs of an invocation, and those that each log event is billed in addition."""


class Request(NamedTuple):
    """One request: who asked what, of which object, its units, and the bytes of its content."""

    function: str
    service: str
    operation: str
    path: str
    written: float
    read: float
    content: int


@dataclass
class Usage:
    """What some calls of the functions took.

    ``seconds`` are the processor's, without the emulator's; ``logs`` are bytes, ``metrics`` names;
    ``messages`` are the bytes of each message that was sent, ``items`` what the table holds of what
    was written, by key; ``asked`` counts the calls of the language model.
    """

    requests: list[Request] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    logs: Counter[str] = field(default_factory=Counter)
    metrics: dict[str, set[str]] = field(default_factory=dict)
    messages: list[int] = field(default_factory=list)
    items: dict[str, Item] = field(default_factory=dict)
    asked: int = 0

    @property
    def written(self) -> float:
        """The write units of all requests."""
        return sum(request.written for request in self.requests)

    @property
    def read(self) -> float:
        """The read units of all requests."""
        return sum(request.read for request in self.requests)

    def count(self, service: str, *operations: str) -> int:
        """How many requests a service had, all or those of some operations."""
        return sum(
            request.service == service and (not operations or request.operation in operations)
            for request in self.requests
        )


class Meter:
    """Counts what passes between the functions and AWS, into ``usage``.

    Every client that is made from boto3's default session after this is counted.
    """

    def __init__(self, table: str) -> None:
        self.usage = Usage()
        self._name = table
        self._function = ""
        self._emulated = 0.0
        # A session of its own, whose requests are not counted.
        self._table = boto3.session.Session().client("dynamodb")
        boto3.setup_default_session()
        events = boto3.DEFAULT_SESSION.events  # type: ignore[union-attr]
        events.register("before-call", self._leaves)
        events.register("after-call", self._is_answered)

    @contextmanager
    def counting(self, function: str) -> Iterator[None]:
        """Count one call of a function, with what it prints."""
        printed = StringIO()
        for app in (fetch, score, aggregate):
            app.logger.registered_handler.stream = printed
        self._function, self._emulated = function, 0.0
        began = time.thread_time()
        with redirect_stdout(printed):
            yield
        own = time.thread_time() - began - self._emulated
        self._function = ""
        usage = self.usage
        usage.calls[function] += 1
        usage.seconds[function] = usage.seconds.get(function, 0.0) + own
        lines = printed.getvalue().splitlines()
        usage.logs[function] += LAMBDA_LINES + sum(len(li.encode()) + LOG_EVENT for li in lines)
        told = [json.loads(li)["_aws"]["CloudWatchMetrics"] for li in lines if '"_aws"' in li]
        names = {metric["Name"] for [group] in told for metric in group["Metrics"]}
        usage.metrics.setdefault(function, set()).update(names)

    def _leaves(self, model: Any, params: dict[str, Any], context: Any, **_: Any) -> None:
        context["began"] = time.thread_time()
        body = params["body"]
        context["content"] = body if isinstance(body, bytes) else body.getvalue()
        context["path"] = params["url_path"]
        if self._function and model.service_model.service_name == "dynamodb":
            keys = written_keys(model.name, json.loads(context["content"]), self._name)
            context["before"] = [(key, item_bytes(self._item(key))) for key in keys]

    def _is_answered(
        self, http_response: Any, parsed: Any, model: Any, context: Any, **_: Any
    ) -> None:
        if self._function:
            service, content = model.service_model.service_name, context["content"]
            written, read, size = 0.0, 0.0, len(content)
            match service:
                case "dynamodb" if context["before"]:
                    written = self._write_units(model.name, context["before"])
                case "dynamodb":
                    asked, answer = json.loads(content), json.loads(http_response.content)
                    read = units_read(model.name, asked, answer, self._name)
                case "s3":
                    size = size or parsed.get("ContentLength", 0)
                case "sqs":
                    entries = json.loads(content).get("Entries", ())
                    bodies = [len(entry["MessageBody"].encode()) for entry in entries]
                    self.usage.messages += bodies
                    size = sum(bodies)
                case "sesv2":
                    size = len(base64.b64decode(json.loads(content)["Content"]["Raw"]["Data"]))
            asked_for = (self._function, service, model.name, context["path"])
            self.usage.requests.append(Request(*asked_for, written, read, size))
        self._emulated += time.thread_time() - context["began"]

    def _write_units(self, operation: str, before: list[tuple[dict[str, Any], int]]) -> int:
        units = 0
        for key, size in before:
            item = self._item(key)
            self.usage.items[json.dumps(key)] = item
            largest = max(size, item_bytes(item))
            units += write_units(largest, transaction=operation == "TransactWriteItems")
        return units

    def _item(self, key: dict[str, Any]) -> Item:
        return self._table.get_item(TableName=self._name, Key=key).get("Item", {})  # type: ignore[return-value]
