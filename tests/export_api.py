"""arXiv's export API as far as a backfill asks it, and a server for it that can misbehave."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from arxiv_digest.models import Paper
from local.serving import listening
from tests.servers import QuietHandler

QUERY = re.compile(r"cat:(\S+) AND submittedDate:\[(\d{12}) TO (\d{12})\]")


def page(papers: Iterable[Paper], total: int, start: int = 0) -> bytes:
    """One page of results; a paper's first category is its primary one."""
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"'
        ' xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">'
        "<id>https://arxiv.org/api/x</id><title>arXiv Query</title>"
        "<updated>2026-04-30T17:33:16Z</updated>"
        f"<opensearch:totalResults>{total}</opensearch:totalResults>"
        f"<opensearch:startIndex>{start}</opensearch:startIndex>"
        f"{''.join(map(entry, papers))}</feed>"
    ).encode()


def entry(paper: Paper) -> str:
    """One paper as the API gives it."""
    authors = "".join(f"<author><name>{escape(name)}</name></author>" for name in paper.authors)
    listed = "".join(f'<category term="{category}"/>' for category in paper.categories)
    return (
        f"<entry><id>http://arxiv.org/abs/{paper.id}v{paper.version}</id>"
        f"<title>{escape(paper.title)}</title><summary>{escape(paper.abstract)}</summary>"
        f"<updated>2026-04-29T17:59:01Z</updated><published>2026-01-20T20:00:00Z</published>{listed}"
        f'<arxiv:primary_category term="{paper.categories[0]}"/>{authors}</entry>'
    )


def refusal(why: str) -> bytes:
    """The API's answer to a query that it does not take (API manual, 3.4)."""
    return (
        '<feed xmlns="http://www.w3.org/2005/Atom"'
        ' xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"><title>arXiv Query</title>'
        "<opensearch:totalResults>1</opensearch:totalResults>"
        f"<entry><id>http://arxiv.org/api/errors#{why.replace(' ', '_')}</id><title>Error</title>"
        f"<summary>{why}</summary><author><name>arXiv api core</name></author></entry></feed>"
    ).encode()


@dataclass
class ExportApiServer:
    """The server's address, the papers it knows with their times of submission, its requests.

    ``most`` limits a page further than it is asked to; ``faults`` are answers (a status, or a body)
    that are given first, one a request, and none stands for a good one.
    """

    url: str
    submitted: list[tuple[datetime, Paper]] = field(default_factory=list)
    most: int = 2000
    faults: list[int | bytes | None] = field(default_factory=list)
    requests: list[dict[str, str]] = field(default_factory=list)

    def submit(self, when: datetime, *papers: Paper) -> None:
        """Let papers have been submitted at a time."""
        self.submitted += [(when, paper) for paper in papers]

    def forget(self) -> None:
        """Know nothing, and behave."""
        self.submitted.clear()
        self.faults.clear()
        self.requests.clear()
        self.most = 2000

    def answer(self, query: dict[str, str]) -> bytes:
        """The page that a query asks for, by ids or by time of submission."""
        if "id_list" in query:
            known = {paper.id: paper for _, paper in self.submitted}
            named = query["id_list"].split(",")[: int(query["max_results"])]
            # As arXiv does, it counts those that it does not have among the results.
            return page([known[name] for name in named if name in known], len(named))
        found = QUERY.fullmatch(query["search_query"])
        if not found or query["sortBy"] != "submittedDate" or query["sortOrder"] != "ascending":
            return refusal("the query is none")
        category, *ends = found.groups()
        first, last = (datetime.strptime(end, "%Y%m%d%H%M").replace(tzinfo=UTC) for end in ends)
        listed = [
            paper
            for when, paper in sorted(self.submitted, key=lambda pair: pair[0])
            if first <= when.replace(second=0) <= last and category in paper.categories
        ]
        start = int(query["start"])
        size = min(int(query["max_results"]), self.most)
        return page(listed[start : start + size], len(listed), start)


@contextmanager
def export_api() -> Iterator[ExportApiServer]:
    """Serve on a free port of this machine for the time of the block."""

    class Handler(QuietHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = {name: value for name, [value] in parse_qs(urlsplit(self.path).query).items()}
            server.requests.append(asked)
            fault = server.faults.pop(0) if server.faults else None
            if isinstance(fault, int):
                self.answer(fault, {}, b"")
            else:
                self.answer(200, {}, server.answer(asked) if fault is None else fault)

    with listening(Handler) as address:
        server = ExportApiServer(f"{address}/api/query")
        yield server
