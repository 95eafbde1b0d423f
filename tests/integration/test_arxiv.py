"""Reading feeds over HTTP within arXiv's terms."""

from __future__ import annotations

import gzip
import itertools
import os
import tracemalloc
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from arxiv_digest.adapters.arxiv import TRIES, FeedReader, FeedUnreachable
from tests.builders import DAY, papers
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
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b"\0" * 10_000_000) for _ in range(100)) + packer.flush()
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
