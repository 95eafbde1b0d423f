"""arXiv's RSS and export API, within arXiv's terms: one connection, 3 s between requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urljoin, urlsplit

import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_exponential

from arxiv_digest.announcements import ApiPage, SubmissionWindow, parse_api_page
from arxiv_digest.models import Paper

USER_AGENT = "arxiv-daily-digest/1 (a reader's own digest of RSS feeds)"
TRIES = 4
SILENCE = 20
"""Seconds without a byte after which a connection is given up."""
REDIRECTS = 3
MAX_FEED_BYTES = 20_000_000
"""Bytes of a feed, decompressed; the largest that arXiv serves (2,000 announcements) has 5 MB."""
LONGEST_WAIT = 60.0
"""Seconds; a feed that asks for a longer wait is left to the next firing."""
ARXIV_INTERVAL = 3.0
"""Seconds between two requests that arXiv's terms of use ask for, whatever else is set."""
PAGE_SIZE = 500
"""Papers of one page of the export API; its manual (3.1.1.2) allows 2,000 and asks for less."""
PAGE_TRIES = 4
"""Times that a page is asked for which comes empty or cut off, as pages of this API may."""

_RETRIED = (429, 500, 502, 503, 504)


class FeedUnreachable(Exception):
    """A feed that could not be read; the message says why in a few words."""

    def __init__(self, why: str, *, passing: bool = False, retry_after: float = 0.0) -> None:
        super().__init__(why)
        self.passing = passing
        self.retry_after = retry_after


class Connection:
    """One connection, over which arXiv is asked for one thing after another.

    ``interval`` is the least time between two requests in seconds, retries included; for hosts of
    arXiv it is never less than :data:`ARXIV_INTERVAL`.
    """

    def __init__(
        self,
        interval: float = ARXIV_INTERVAL,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock = clock
        self._interval = interval
        self._sleep = sleep
        self._last: float | None = None
        self._pool = urllib3.PoolManager(
            num_pools=1,
            maxsize=1,
            retries=False,
            timeout=urllib3.Timeout(connect=10, read=SILENCE),
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": "gzip"},
        )

    def get(self, url: str, until: float) -> bytes:
        """The body at an address, decompressed.

        No second try begins, and no answer is read on, after ``until`` by the connection's clock.
        Tries up to four times on 429, 5xx and broken connections, honouring ``Retry-After`` up to
        a minute. Raises :class:`FeedUnreachable` when that is of no use, and for an answer that
        leads to another host or has more than :data:`MAX_FEED_BYTES`.
        """
        tries = Retrying(
            retry=retry_if_exception(_worth_another_try),
            stop=lambda state: stop_after_attempt(TRIES)(state) or self.clock() > until,
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        for attempt in tries:
            with attempt:
                return self._get(url, until)
        raise AssertionError("tenacity either returns or raises")

    def _get(self, url: str, until: float) -> bytes:
        for _ in range(REDIRECTS + 1):
            if self._last is not None:
                self._sleep(max(0.0, self._last + self._least(url) - self.clock()))
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
                self._last = self.clock()
        raise FeedUnreachable(f"redirected more than {REDIRECTS} times")

    def _least(self, url: str) -> float:
        host = urlsplit(url).hostname or ""
        at_arxiv = host == "arxiv.org" or host.endswith(".arxiv.org")
        return max(self._interval, ARXIV_INTERVAL) if at_arxiv else self._interval

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
                raise FeedUnreachable(f"the answer has more than {MAX_FEED_BYTES // 1_000_000} MB")
            if self.clock() > until:
                response.close()
                raise FeedUnreachable("the answer came too slowly")
        return bytes(read)


class FeedReader:
    """Reads categories' feeds one after another; the rest is said at :class:`Connection`."""

    def __init__(
        self,
        base_url: str,
        interval: float = ARXIV_INTERVAL,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._connection = Connection(interval, sleep, clock)

    def read(self, category: str, patience: float = 120.0) -> bytes:
        """The feed of one category, for which no more than ``patience`` seconds are taken.

        Raises :class:`FeedUnreachable`.
        """
        until = self._connection.clock() + patience
        return self._connection.get(f"{self._base_url}/{category}", until)


class ExportApi:
    """Asks arXiv's export API for papers: a category's by time of submission, or some by id."""

    def __init__(
        self,
        url: str,
        interval: float = ARXIV_INTERVAL,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._connection = Connection(interval, sleep, clock)

    def pages(
        self, category: str, window: SubmissionWindow, announced: date, patience: float = 120.0
    ) -> Iterator[tuple[bytes, ApiPage]]:
        """The papers of a category that were submitted in a window, page by page, as answered too.

        The papers are taken as announced on a date. A page that comes empty although more papers
        are told of, or that breaks off, is asked for again. Raises :class:`FeedUnreachable` after
        the last page that could be read, where not all of them could be within ``patience``
        seconds, and when arXiv refuses the query.
        """
        until = self._connection.clock() + patience
        read = 0
        while True:
            content, page = self._page(category, window, announced, read, until)
            yield content, page
            read += page.entries
            if page.trouble:
                raise FeedUnreachable(page.trouble)
            if read >= page.total:
                return
            if not page.entries:
                raise FeedUnreachable(f"only {read} of {page.total} papers came")

    def papers(self, ids: Sequence[str], announced: date, patience: float = 120.0) -> list[Paper]:
        """Those of at most :data:`PAGE_SIZE` papers that arXiv has, taken as announced on a date.

        Raises :class:`FeedUnreachable` as :meth:`pages` does.
        """
        until = self._connection.clock() + patience
        query = {"id_list": ",".join(ids), "max_results": len(ids)}
        page = parse_api_page(self._ask(query, until), "", announced)
        if page.refusal or page.trouble:
            raise FeedUnreachable(page.trouble or f"the query was refused: {page.refusal}")
        return [paper for paper in page.papers if paper.id in ids]

    def _page(
        self, category: str, window: SubmissionWindow, announced: date, start: int, until: float
    ) -> tuple[bytes, ApiPage]:
        # Both ends count, to the minute (API manual, 5.1), and the window's end is not part of it.
        last = window.end - timedelta(minutes=1)
        submitted = f"submittedDate:[{window.start:%Y%m%d%H%M} TO {last:%Y%m%d%H%M}]"
        query = {
            "search_query": f"cat:{category} AND {submitted}",
            "sortBy": "submittedDate",
            "sortOrder": "ascending",
            "start": start,
            "max_results": PAGE_SIZE,
        }
        tries = 1
        while True:
            content = self._ask(query, until)
            page = parse_api_page(content, category, announced)
            if page.refusal:
                raise FeedUnreachable(f"the query was refused: {page.refusal}")
            whole = not page.trouble and (page.entries or page.total <= start)
            if whole or tries == PAGE_TRIES:
                return content, page
            tries += 1

    def _ask(self, query: Mapping[str, object], until: float) -> bytes:
        return self._connection.get(f"{self._url}?{urlencode(query)}", until)


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
