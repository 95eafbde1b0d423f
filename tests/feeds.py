"""Feeds as arXiv serves them, and a server for them that can be told to misbehave."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from arxiv_digest.models import Paper
from local.serving import listening
from tests.servers import QuietHandler


def feed(category: str, day: date, papers: Iterable[Paper] = ()) -> bytes:
    """The RSS of a category as announced on a day, by arXiv's specification."""
    announced = format_datetime(datetime.combine(day, time(), ZoneInfo("America/New_York")))
    items = "".join(_item(paper, announced) for paper in papers)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"'
        ' xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<channel><title>{category} updates on arXiv.org</title><pubDate>{announced}</pubDate>"
        f"{items}</channel></rss>"
    ).encode()


def _item(paper: Paper, announced: str) -> str:
    kind = paper.announce_type
    body = f"arXiv:{paper.id}v{paper.version} Announce Type: {kind} \nAbstract: {paper.abstract}"
    categories = "".join(f"<category>{category}</category>" for category in paper.categories)
    return (
        f"<item><title>{escape(paper.title)}</title><link>{paper.link}</link>"
        f"<description>{escape(body)}</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:{paper.id}v{paper.version}</guid>{categories}'
        f"<pubDate>{announced}</pubDate><arxiv:announce_type>{kind}</arxiv:announce_type>"
        f"<dc:creator>{escape(', '.join(paper.authors))}</dc:creator></item>"
    )


@dataclass
class FeedServer:
    """The server's address, its feeds by category, and what it was asked.

    ``faults`` are answers (status, headers) that a category gives before it gives its feed;
    ``bodies`` are sent as they are, said to be gzip, instead of a feed, and ``plain`` ones are not.
    """

    base_url: str
    feeds: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[tuple[int, dict[str, str]]]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    plain: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)

    def asked(self) -> list[str]:
        """The categories that were asked for, in order."""
        return [category for category, _ in self.requests]


@contextmanager
def feed_server() -> Iterator[FeedServer]:
    """Serve on a free port of this machine for the time of the block."""

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            category = self.path.rpartition("/")[2]
            server.requests.append((category, dict(self.headers)))
            server.connections.add(self.client_address)
            faults = server.faults.get(category)
            if faults:
                status, headers = faults.pop(0)
                if status == 0:
                    self.close_connection = True
                    return
                self.answer(status, headers, b"")
            elif category in server.bodies:
                self.answer(200, {"Content-Encoding": "gzip"}, server.bodies[category])
            elif category in server.plain:
                self.answer(200, {}, server.plain[category])
            elif category in server.feeds:
                body = gzip.compress(server.feeds[category])
                self.answer(200, {"Content-Encoding": "gzip"}, body)
            else:
                self.answer(404, {}, b"")

    with listening(Handler) as address:
        server = FeedServer(f"{address}/rss")
        yield server
