"""Reading feeds, and asking the export API, over HTTP within arXiv's terms."""

from __future__ import annotations

import gzip
import itertools
import os
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import urllib3

from arxiv_digest.adapters.arxiv import (
    PAGE_TRIES,
    TRIES,
    Connection,
    ExportApi,
    FeedReader,
    FeedUnreachable,
)
from arxiv_digest.announcements import ApiPage, SubmissionWindow
from tests.builders import DAY, papers
from tests.export_api import ExportApiServer, export_api, page, refusal
from tests.feeds import FeedServer, feed, feed_server


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as server:
        server.feeds = {name: feed(name, DAY, papers(2)) for name in ("cs.LG", "cs.CV")}
        yield server


@pytest.fixture
def reader(server: FeedServer, clock: Clock) -> FeedReader:
    return FeedReader(server.base_url, 3.0, clock.sleep, lambda: clock.now)


def test_a_feed_is_read_gzipped_over_one_connection_by_a_named_agent(
    reader: FeedReader, server: FeedServer
) -> None:
    assert reader.read("cs.LG") == server.feeds["cs.LG"]
    assert reader.read("cs.CV") == server.feeds["cs.CV"]
    assert len(server.connections) == 1
    for _, headers in server.requests:
        assert headers["User-Agent"].startswith("arxiv-daily-digest/")
        assert "gzip" in headers["Accept-Encoding"]


def test_requests_are_three_seconds_apart_retries_included(
    reader: FeedReader, server: FeedServer, clock: Clock
) -> None:
    server.faults["cs.LG"] = [(503, {})]
    reader.read("cs.LG")
    reader.read("cs.CV")
    assert server.asked() == ["cs.LG", "cs.LG", "cs.CV"]
    assert clock.now >= 100 + 2 * 3


def test_retry_after_in_seconds_is_honoured(
    reader: FeedReader, server: FeedServer, clock: Clock
) -> None:
    server.faults["cs.LG"] = [(429, {"Retry-After": "17"})]
    assert reader.read("cs.LG")
    assert clock.now >= 117


def test_retry_after_as_a_date_is_honoured(
    reader: FeedReader, server: FeedServer, clock: Clock
) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    server.faults["cs.LG"] = [(503, {"Retry-After": later})]
    assert reader.read("cs.LG")
    assert clock.now >= 125


def test_a_wait_of_hours_is_left_to_the_next_firing(
    reader: FeedReader, server: FeedServer, clock: Clock
) -> None:
    server.faults["cs.LG"] = [(503, {"Retry-After": "7200"})]
    with pytest.raises(FeedUnreachable, match="503"):
        reader.read("cs.LG")
    assert clock.now == 100


def test_a_feed_that_never_comes_is_given_up_after_some_tries(
    reader: FeedReader, server: FeedServer
) -> None:
    server.faults["cs.LG"] = [(502, {})] * 20
    with pytest.raises(FeedUnreachable, match="HTTP 502"):
        reader.read("cs.LG")
    assert server.asked() == ["cs.LG"] * TRIES


def test_a_feed_that_takes_too_long_is_given_up_whatever_tries_are_left(
    reader: FeedReader, server: FeedServer
) -> None:
    server.faults["cs.LG"] = [(503, {"Retry-After": "50"})] * 20
    with pytest.raises(FeedUnreachable, match="HTTP 503"):
        reader.read("cs.LG", patience=60)
    assert len(server.asked()) == 3


def test_a_feed_that_drips_is_given_up(server: FeedServer) -> None:
    ticks = itertools.count(0, 30)
    reader = FeedReader(server.base_url, 0, lambda _: None, lambda: next(ticks))
    with pytest.raises(FeedUnreachable, match="came too slowly"):
        reader.read("cs.LG", patience=10)


def test_a_feed_that_does_not_exist_is_not_asked_for_again(
    reader: FeedReader, server: FeedServer
) -> None:
    with pytest.raises(FeedUnreachable, match="HTTP 404"):
        reader.read("cs.XX")
    assert server.asked() == ["cs.XX"]


def test_a_broken_connection_is_tried_again(reader: FeedReader, server: FeedServer) -> None:
    server.faults["cs.LG"] = [(0, {})]
    assert reader.read("cs.LG")
    assert server.asked() == ["cs.LG", "cs.LG"]


def test_a_host_that_is_not_there_is_an_unreachable_feed(clock: Clock) -> None:
    reader = FeedReader("http://127.0.0.1:9/rss", 3.0, clock.sleep, lambda: clock.now)
    with pytest.raises(FeedUnreachable, match="no connection"):
        reader.read("cs.LG")


def test_a_redirect_on_the_same_host_is_followed(reader: FeedReader, server: FeedServer) -> None:
    server.faults["cs.XX"] = [(301, {"Location": "/rss/cs.LG"})]
    assert reader.read("cs.XX") == server.feeds["cs.LG"]


@pytest.mark.parametrize(
    "location", ["http://example.org/rss/cs.LG", "//example.org/cs.LG", "ftp://127.0.0.1/cs.LG"]
)
def test_a_redirect_to_another_host_is_refused(
    reader: FeedReader, server: FeedServer, location: str
) -> None:
    server.faults["cs.LG"] = [(302, {"Location": location})] * 5
    with pytest.raises(FeedUnreachable, match="redirected to another host"):
        reader.read("cs.LG")
    assert server.asked() == ["cs.LG"]


def test_redirects_without_end_are_refused(reader: FeedReader, server: FeedServer) -> None:
    server.faults["cs.LG"] = [(302, {"Location": "cs.LG"})] * 50
    with pytest.raises(FeedUnreachable, match="redirected more than 3 times"):
        reader.read("cs.LG")


def test_a_bomb_of_gzip_is_refused_without_being_unpacked(
    reader: FeedReader, server: FeedServer
) -> None:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b"\0" * 10_000_000) for _ in range(30)) + packer.flush()
    assert len(bomb) < 2_000_000
    server.bodies["cs.LG"] = bomb
    tracemalloc.start()
    with pytest.raises(FeedUnreachable, match="more than 20 MB"):
        reader.read("cs.LG")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000_000, f"{peak} bytes"


@pytest.mark.parametrize("packed", [True, False])
def test_a_feed_too_large_is_refused_and_the_next_one_is_read(
    reader: FeedReader, server: FeedServer, packed: bool
) -> None:
    if packed:
        server.bodies["cs.LG"] = gzip.compress(os.urandom(25_000_000), 1)
    else:
        server.plain["cs.LG"] = b"<rss>" * 10_000_000
    with pytest.raises(FeedUnreachable, match="more than 20 MB"):
        reader.read("cs.LG")
    assert reader.read("cs.CV") == server.feeds["cs.CV"]


def test_gzip_that_is_none_is_an_unreachable_feed(reader: FeedReader, server: FeedServer) -> None:
    server.bodies["cs.LG"] = b"not gzip at all"
    with pytest.raises(FeedUnreachable, match="broken answer"):
        reader.read("cs.LG")


WINDOW = SubmissionWindow(
    datetime(2026, 1, 20, 19, 0, tzinfo=UTC), datetime(2026, 1, 21, 19, 0, tzinfo=UTC)
)


@pytest.fixture
def api() -> Iterator[ExportApiServer]:
    with export_api() as api:
        yield api


@pytest.fixture
def asking(api: ExportApiServer, clock: Clock) -> ExportApi:
    return ExportApi(api.url, 3.0, clock.sleep, lambda: clock.now)


def ids(pages: Iterable[tuple[bytes, ApiPage]]) -> list[str]:
    return [paper.id for _, page in pages for paper in page.papers]


def test_the_api_is_asked_for_what_was_submitted_before_the_end_of_the_window(
    asking: ExportApi, api: ExportApiServer
) -> None:
    minute = timedelta(minutes=1)
    times = [WINDOW.start - minute, WINDOW.start, WINDOW.end - minute, WINDOW.end]
    for when, paper in zip(times, papers(4), strict=True):
        api.submit(when, paper)
    assert ids(asking.pages("cs.LG", WINDOW, DAY)) == ["2601.00002", "2601.00003"]
    assert api.requests == [
        {
            "search_query": "cat:cs.LG AND submittedDate:[202601201900 TO 202601211859]",
            "sortBy": "submittedDate",
            "sortOrder": "ascending",
            "start": "0",
            "max_results": "500",
        }
    ]


def test_pages_are_asked_for_until_all_is_read_three_seconds_apart(
    asking: ExportApi, api: ExportApiServer, clock: Clock
) -> None:
    api.most = 2
    api.submit(WINDOW.start, *papers(5))
    answers = list(asking.pages("cs.LG", WINDOW, DAY))
    assert ids(answers) == [paper.id for paper in papers(5)]
    assert [request["start"] for request in api.requests] == ["0", "2", "4"]
    assert clock.now == 100 + 2 * 3
    assert all(b"<feed" in content for content, _ in answers)


def test_a_page_that_comes_empty_or_cut_off_is_asked_for_again(
    asking: ExportApi, api: ExportApiServer, clock: Clock
) -> None:
    api.most = 2
    api.submit(WINDOW.start, *papers(4))
    whole = page(papers(2), 4)
    api.faults = [whole[:-400], page([], 4), None, page([], 4, 2)]
    assert ids(asking.pages("cs.LG", WINDOW, DAY)) == [paper.id for paper in papers(4)]
    assert clock.now == 100 + 4 * 3


@pytest.mark.parametrize("first", [0, 2])
def test_pages_that_stay_empty_are_given_up_with_what_was_read(
    asking: ExportApi, api: ExportApiServer, first: int
) -> None:
    api.faults = [*([page(papers(2), 4)] if first else []), *[page([], 4, first)] * PAGE_TRIES]
    read: list[tuple[bytes, ApiPage]] = []
    with pytest.raises(FeedUnreachable, match=f"only {first} of 4 papers came"):
        read.extend(asking.pages("cs.LG", WINDOW, DAY))
    assert len(api.requests) == PAGE_TRIES + bool(first)


def test_the_apis_refusal_is_told_and_not_asked_for_again(
    asking: ExportApi, api: ExportApiServer
) -> None:
    api.faults = [refusal("start must be an integer")]
    with pytest.raises(FeedUnreachable, match="query was refused: start must be an integer"):
        list(asking.pages("cs.LG", WINDOW, DAY))
    assert len(api.requests) == 1


def test_an_answer_of_the_api_that_is_no_feed_is_said_to_be_none(
    asking: ExportApi, api: ExportApiServer
) -> None:
    api.faults = [b"<html>down for maintenance</html>"] * PAGE_TRIES
    with pytest.raises(FeedUnreachable, match="the answer is not a feed"):
        list(asking.pages("cs.LG", WINDOW, DAY))


def test_pages_without_end_are_given_up_after_the_time_there_is(
    asking: ExportApi, api: ExportApiServer
) -> None:
    api.faults = [page(papers(1), 30_000)] * 100
    with pytest.raises(FeedUnreachable, match="came too slowly"):
        list(asking.pages("cs.LG", WINDOW, DAY, patience=30))
    assert len(api.requests) == 12


@pytest.mark.parametrize(
    ("url", "seconds"),
    [
        ("https://export.arxiv.org/api/query", 3.0),
        ("https://arxiv.org/rss/cs.LG", 3.0),
        ("http://127.0.0.1:8000/api/query", 0.0),
        ("https://notarxiv.org/api/query", 0.0),
    ],
)
def test_no_setting_makes_requests_to_arxiv_follow_faster_than_its_terms_allow(
    url: str, seconds: float, clock: Clock
) -> None:
    connection = Connection(0, clock.sleep, lambda: clock.now)
    refused = urllib3.exceptions.NewConnectionError(None, "refused")  # type: ignore[arg-type]
    asked: list[float] = []

    def request(*_: object, **__: object) -> None:
        asked.append(clock.now)
        raise refused

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(urllib3.PoolManager, "request", request)
        for _ in range(2):
            with pytest.raises(FeedUnreachable):
                connection.get(url, clock.now - 1)
    assert asked == [100, 100 + seconds]
