"""arXiv's RSS over HTTP, within arXiv's terms: one connection, at least 3 s between requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential

USER_AGENT = "arxiv-daily-digest/1 (a reader's own digest of RSS feeds)"
TRIES = 4
SILENCE = 20
"""Seconds without a byte after which a connection is given up."""
REDIRECTS = 3
MAX_FEED_BYTES = 20_000_000
"""Bytes of a feed, decompressed; the largest that arXiv serves (2,000 announcements) has 5 MB."""
LONGEST_WAIT = 60.0
"""Seconds; a feed that asks for a longer wait is left to the next firing."""

_RETRIED = (429, 500, 502, 503, 504)


class FeedUnreachable(Exception):
    """A feed that could not be read; the message says why in a few words."""

    def __init__(self, why: str, *, passing: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(why)
        self.passing = passing
        self.retry_after = retry_after


class FeedReader:
    """Reads categories' feeds one after another over one connection.

    ``interval`` is the least time between two requests in seconds, retries included: arXiv's API
    terms ask for three seconds.
    """

    def __init__(
        self,
        base_url: str,
        interval: float = 3.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._interval = interval
        self._sleep = sleep
        self._clock = clock
        self._last: float | None = None
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=1,
            retries=False,
            timeout=urllib3.Timeout(connect=10, read=SILENCE),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
        )

    def read(self, category: str, patience: float = 120.0) -> bytes:
        """The feed of one category, decompressed.

        No try begins, and no answer is read on, after ``patience`` seconds.
        Tries up to four times on 429, 5xx and broken connections, honouring ``Retry-After`` up to
        a minute. Raises :class:`FeedUnreachable` when that is of no use, and for an answer that
        leads to another host or has more than :data:`MAX_FEED_BYTES`.
        """
        until = self._clock() + patience
        tries = Retrying(
            retry=retry_if_exception(_worth_another_try),
            stop=lambda state: stop_after_attempt(TRIES)(state) or self._clock() > until,
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        for attempt in tries:
            with attempt:
                return self._get(category, until)
        raise AssertionError("tenacity either returns or raises")

    def _get(self, category: str, until: float) -> bytes:
        url = f"{self._base_url}/{category}"
        for _ in range(REDIRECTS + 1):
            if self._last is not None:
                self._sleep(max(0.0, self._last + self._interval - self._clock()))
            try:
                response = self._pool.request("GET", url, redirect=False, preload_content=False)
                location = response.get_redirect_location()
                if not location:
                    return self._body(response, until)
                # The rest of the answer is read, so that its connection can be used again.
                response.drain_conn()
                url = _same_host(url, location)
            except urllib3.exceptions.HTTPError as problem:
                raise FeedUnreachable(_few_words(problem), passing=True) from problem
            finally:
                self._last = self._clock()
        raise FeedUnreachable(f"redirected more than {REDIRECTS} times")

    def _body(self, response: urllib3.BaseHTTPResponse, until: float) -> bytes:
        if response.status != 200:
            response.drain_conn()
            raise FeedUnreachable(
                f"HTTP {response.status} {response.reason or ''}".strip(),
                passing=response.status in _RETRIED,
                retry_after=_retry_after(response.headers.get("Retry-After")),
            )
        read = bytearray()
        # Piece by piece, since a few kilobytes of gzip can be gigabytes.
        for piece in response.stream(65_536, decode_content=True):
            read += piece
            if len(read) > MAX_FEED_BYTES:
                response.close()
                raise FeedUnreachable(f"the feed has more than {MAX_FEED_BYTES // 1_000_000} MB")
            if self._clock() > until:
                response.close()
                raise FeedUnreachable("the feed came too slowly")
        return bytes(read)


def _same_host(url: str, location: str) -> str:
    target = urljoin(url, location)
    if urlsplit(target)[:2] != urlsplit(url)[:2]:
        raise FeedUnreachable(f"redirected to another host ({urlsplit(target).netloc})")
    return target


def _worth_another_try(problem: BaseException) -> bool:
    return (
        isinstance(problem, FeedUnreachable)
        and problem.passing
        and problem.retry_after <= LONGEST_WAIT
    )


def _wait(state: RetryCallState) -> float:
    problem = state.outcome.exception() if state.outcome else None
    asked = problem.retry_after if isinstance(problem, FeedUnreachable) else 0.0
    return max(asked, wait_exponential(multiplier=2, max=20)(state))


def _retry_after(header: str | None) -> float:
    """Seconds to wait by a ``Retry-After`` header, in either of its forms (RFC 9110, 10.2.3)."""
    if not header:
        return 0.0
    if header.strip().isdigit():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _few_words(problem: urllib3.exceptions.HTTPError) -> str:
    # urllib3 counts a connection that was refused among the timeouts.
    refused = isinstance(problem, urllib3.exceptions.NewConnectionError)
    if isinstance(problem, urllib3.exceptions.TimeoutError) and not refused:
        return f"no answer within {SILENCE} s"
    if isinstance(problem, urllib3.exceptions.DecodeError | urllib3.exceptions.ProtocolError):
        return f"a broken answer ({type(problem).__name__})"
    return f"no connection ({type(problem).__name__})"
