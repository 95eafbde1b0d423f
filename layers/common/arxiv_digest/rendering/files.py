"""Which files the archive has, by key: those of a day, and those that days share."""

from __future__ import annotations

from collections.abc import Sequence

from arxiv_digest.models import Day, Digest, PapersOfDay
from arxiv_digest.rendering.archive import render_index
from arxiv_digest.rendering.citations import bibtex, ris
from arxiv_digest.rendering.data import SCHEMA_NAME, render_json, render_schema
from arxiv_digest.rendering.feeds import DAYS_IN_FEED, render_day_feed, render_paper_feed
from arxiv_digest.rendering.markdown import render_markdown
from arxiv_digest.rendering.months import render_month, render_papers, render_search
from arxiv_digest.rendering.page import render_page

ROBOTS = "User-agent: *\nDisallow: /\n"
"""The archive is its reader's: no search engine has anything to look for in it (RFC 9309)."""


def day_files(digest: Digest) -> dict[str, str]:
    """The files of one day, by key."""
    recommended = [entry.paper for entry in digest.recommendations]
    forms = {
        "digest.md": render_markdown(digest),
        "digest.html": render_page(digest),
        "digest.json": render_json(digest),
        "digest.bib": bibtex(recommended),
        "digest.ris": ris(recommended),
        "papers.json": render_papers(digest),
    }
    return {f"{digest.date}/{name}": body for name, body in forms.items()}


def shared_files(
    digest: Digest,
    latest: Digest | None,
    days: Sequence[Day],
    papers: Sequence[PapersOfDay],
    archive: str,
    base: str = "",
) -> dict[str, str]:
    """The files that a digest shares with other days, by key, in the order of writing.

    ``latest`` is the newest day's digest, where it could be read, and gives the language;
    ``days`` are all of the archive, the oldest first; ``papers`` are those of the days that the
    feeds tell of and of every day of the digest's month. What leads to a file is written after it.
    ``archive`` is the archive's name, which is no other's; ``base`` its address with a slash at its
    end, empty where it has none.
    """
    language = (latest or digest).reader.language
    newest = {day.date for day in days[-DAYS_IN_FEED:]}
    in_feeds = [day for day in papers if day.date in newest]
    month = f"{digest.date:%Y-%m}"
    of_month = [day for day in papers if f"{day.date:%Y-%m}" == month]
    found = {
        f"papers/{month}.json": render_month(month, of_month),
        f"search/{month}.js": render_search(month, of_month),
        "feed.xml": render_day_feed(in_feeds, language, archive, base),
        "papers.xml": render_paper_feed(in_feeds, language, archive, base),
    }
    if latest:
        found |= {
            "latest.md": render_markdown(latest),
            "latest.html": render_page(latest, root=""),
            "latest.json": render_json(latest),
        }
    return {
        **found,
        SCHEMA_NAME: render_schema(),
        "robots.txt": ROBOTS,
        "index.html": render_index(days, language),
    }
