"""Faults on the way from a function to AWS: microburst in AWS's wire format, and sudden death."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import psutil

from local.emulator import free_port

_OPENER = build_opener(ProxyHandler({}))

# Its client would write %40 as @, and the signature of a request for such a key would be wrong. Its
# server would refuse what is larger than 1 MB, of which DynamoDB takes 16 in one request.
_START = """
import aiohttp, aiohttp.web, yarl, microburst.cli
make = aiohttp.web.Application.__init__
aiohttp.web.Application.__init__ = lambda self, *told, **named: make(
    self, *told, **{**named, "client_max_size": 2**25}
)
plain = aiohttp.ClientSession.request
aiohttp.ClientSession.request = lambda self, method, url, **options: plain(
    self, method, yarl.URL(url, encoded=True), **options
)
microburst.cli.main()
"""


THROTTLED = {
    "dynamodb": {"code": "ThrottlingException"},
    "s3": {"code": "SlowDown", "status": 503},
    # The SDK takes SQS's throttling for such only by its status.
    "sqs": {"code": "RequestThrottled", "status": 503},
    "ses": {"code": "TooManyRequestsException", "status": 429},
}
UNAVAILABLE = {
    service: {"code": code, "status": status}
    for service, code, status in (
        ("dynamodb", "InternalServerError", 500),
        ("s3", "InternalError", 500),
        ("sqs", "ServiceUnavailable", 503),
        ("ses", "InternalServiceErrorException", 500),
    )
}


class Microburst:
    """A running microburst: its address, its rules, and what it did."""

    def __init__(self, url: str) -> None:
        self.url = url

    def add(self, rule: dict[str, Any]) -> str:
        """Add one rule; returns its id. The first rule that matches a request is applied to it."""
        [added] = self._ask("PATCH", "rules", [rule])
        return str(added["id"])

    def fired(self, rule: str) -> int:
        """How often a rule was applied."""
        rules = {str(told["id"]): told["fired"] for told in self._ask("GET", "stats")["by_rule"]}
        return int(rules.get(rule, 0))

    def forget(self) -> None:
        """Remove every rule."""
        self._ask("POST", "rules", [])

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = Request(f"{self.url}/_microburst/{path}", content, headers, method=method)
        with _OPENER.open(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")


@contextmanager
def microburst(upstream: str) -> Iterator[Microburst]:
    """Stand between an AWS endpoint and its clients for the time of the block."""
    url = f"http://127.0.0.1:{(port := free_port())}"
    process = subprocess.Popen(
        [sys.executable, "-c", _START, f"--upstream={upstream}", f"--port={port}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(100):
            with suppress(URLError), _OPENER.open(f"{url}/_microburst/health", timeout=1):
                break
            time.sleep(0.1)
        yield Microburst(url)
    finally:
        process.kill()
        process.wait()


def kill(emulator: int, function: str) -> int:
    """Kill every process in which an emulator runs a function; returns how many there were."""
    killed = 0
    for process in _processes(emulator, function):
        with suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)
            killed += 1
    return killed


def resident(emulator: int, function: str) -> int:
    """The bytes of memory that the largest process of a function holds, 0 where none runs."""
    held = [0]
    for process in _processes(emulator, function):
        with suppress(psutil.Error):
            held.append(process.memory_info().rss)
    return max(held)


def _processes(emulator: int, function: str) -> Iterator[psutil.Process]:
    for process in psutil.Process(emulator).children(recursive=True):
        with suppress(psutil.Error):
            if process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == function:
                yield process
