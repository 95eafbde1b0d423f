"""Which files the archive has, by key: those of a day, and those that days share.

Each is made when it is asked for, in UTF-8, so that a large day's are never in memory together.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO

from arxiv_digest.models import Day, Digest, PapersOfDay
from arxiv_digest.rendering.archive import render_index
from arxiv_digest.rendering.citations import bibtex, ris
from arxiv_digest.rendering.data import SCHEMA_NAME, render_json, render_schema
from arxiv_digest.rendering.feeds import DAYS_IN_FEED, render_day_feed, render_paper_feed
from arxiv_digest.rendering.markdown import render_markdown
from arxiv_digest.rendering.months import render_month, render_papers, render_search
from arxiv_digest.rendering.page import page_parts
from arxiv_digest.voting import Voting

ROBOTS = "User-agent: *\nDisallow: /\n"
"""The archive is its reader's: no search engine has anything to look for in it (RFC 9309)."""


def day_files(digest: Digest, voting: Voting | None = None) -> Iterator[tuple[str, bytes]]:
    """The files of one day, each with its key; its page has links to vote where there is voting."""
    recommended = [entry.paper for entry in digest.recommendations]
    yield f"{digest.date}/digest.md", render_markdown(digest).encode()
    yield f"{digest.date}/digest.html", _joined(page_parts(digest, voting=voting))
    yield f"{digest.date}/digest.json", render_json(digest)
    yield f"{digest.date}/digest.bib", bibtex(recommended).encode()
    yield f"{digest.date}/digest.ris", ris(recommended).encode()
    yield f"{digest.date}/papers.json", render_papers(digest)


def shared_files(
    digest: Digest,
    latest: Digest | None,
    days: Sequence[Day],
    papers: Mapping[dt.date, PapersOfDay],
    archive: str,
    base: str = "",
    voting: Voting | None = None,
) -> Iterator[tuple[str, bytes]]:
    """The files that a digest shares with other days, each with its key, in the order of writing.

    ``latest`` is the newest day's digest, where it could be read, and gives the language;
    ``days`` are all of the archive, the oldest first; ``papers`` are by date those of the days that
    the feeds tell of and of every day of the digest's month, each asked for when it is its turn.
    What leads to a file is written after it. ``archive`` is the archive's name, no other's;
    ``base`` its address with a slash at its end, empty where it has none.
    """
    language = (latest or digest).reader.language
    month = f"{digest.date:%Y-%m}"
    of_month = sorted(date for date in papers if f"{date:%Y-%m}" == month)
    newest = [day.date for day in reversed(days[-DAYS_IN_FEED:]) if day.date in papers]
    yield f"papers/{month}.json", render_month(month, (papers[date] for date in of_month))
    newest_first = (papers[date] for date in reversed(of_month))
    yield f"search/{month}.js", render_search(month, newest_first)
    for name, render in (("feed.xml", render_day_feed), ("papers.xml", render_paper_feed)):
        in_feed = (papers[date] for date in newest)
        yield name, render(in_feed, language, archive, base).encode()
    if latest:
        yield "latest.md", render_markdown(latest).encode()
        yield "latest.html", _joined(page_parts(latest, root="", voting=voting))
        yield "latest.json", render_json(latest)
    yield SCHEMA_NAME, render_schema().encode()
    yield "robots.txt", ROBOTS.encode()
    yield "index.html", render_index(days, language).encode()


def _joined(parts: Iterable[str]) -> bytes:
    written = BytesIO()
    written.writelines(part.encode() for part in parts)
    return written.getvalue()
