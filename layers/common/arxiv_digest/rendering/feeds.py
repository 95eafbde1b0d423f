"""The archive as Atom feeds (RFC 4287): one of the days, one of the recommended papers."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from itertools import islice
from typing import Any
from uuid import UUID, uuid5

from feedgenerator import Atom1Feed

from arxiv_digest.language import Words, words
from arxiv_digest.models import PapersOfDay, ReadPaper
from arxiv_digest.rendering.context import environment, summary
from arxiv_digest.rendering.mathematics import tex_text

DAYS_IN_FEED = 30
"""The days in ``feed.xml``, and those whose papers can stand in ``papers.xml``."""

PAPERS_IN_FEED = 200
"""The papers in ``papers.xml``."""

AUTHORS_IN_FEED = 12
"""The authors named in an entry."""

_IDS = UUID("6f3a1c52-8d0b-4f7e-9a34-2b1d5c7e90af")
"""The name space of all ids; by another one every entry would be new to every feed reader."""

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no way to write (production 2, Char)."""


def render_day_feed(
    days: Iterable[PapersOfDay], language: str, archive: str, base: str = ""
) -> str:
    """The first of some days, the newest first, as an Atom feed, one entry a day.

    An entry has a day's recommended papers. ``base`` is the archive's address with a slash at
    its end; without one every address of the archive is relative to the feed. An entry's id is made
    of its date and of ``archive``, the archive's name, so that no two archives have one in common
    (RFC 4287, section 4.2.6).
    """
    said = words(language)
    feed = _feed("feed.xml", said, archive, base)
    template = environment().get_template("feed_day.html.j2")
    for day in islice(days, DAYS_IN_FEED):
        feed.note(day.made_at)
        feed.add_item(
            title=said.day_title.format(date=day.title_date),
            link=f"{base}{day.date}/digest.html",
            description=summary(len(day.papers), len(day.recommended), said),
            content=_xml(template.render(day=day, said=said, text=tex_text)),
            unique_id=_id(archive, str(day.date)),
            updateddate=day.made_at,
        )
    return str(feed.writeString("utf-8"))


def render_paper_feed(
    days: Iterable[PapersOfDay], language: str, archive: str, base: str = ""
) -> str:
    """The recommended papers of the first days, the newest first, as an Atom feed, one entry each.

    ``archive`` and ``base`` are as for :func:`render_day_feed`. An entry leads to arXiv, and
    relates to its place in the digest; its id is made of date and paper as well, so that one that
    was recommended on two days is two entries.
    """
    said = words(language)
    feed = _feed("papers.xml", said, archive, base)
    template = environment().get_template("feed_paper.html.j2")
    found: list[tuple[dt.date, dt.datetime, ReadPaper]] = []
    for day in islice(days, DAYS_IN_FEED):
        feed.note(day.made_at)
        left = PAPERS_IN_FEED - len(found)
        found += [(day.date, day.made_at, paper) for paper in day.recommended[:left]]
    for date, made_at, paper in found:
        place = f"{base}{paper.permalink}"
        feed.add_item(
            title=_xml(tex_text(paper.title)),
            link=paper.link,
            description=None,
            content=_xml(template.render(paper=paper, place=place, said=said, text=tex_text)),
            unique_id=_id(archive, f"{date} {paper.id}"),
            updateddate=made_at,
            categories=[_xml(name) for name in (paper.field, paper.second_field) if name],
            authors=[_xml(name) for name in paper.authors[:AUTHORS_IN_FEED]],
            related=place,
        )
    return str(feed.writeString("utf-8"))


class _Feed(Atom1Feed):  # type: ignore[misc]
    """What the library's feed lacks: a time that is given, several authors, related pages."""

    updated: dt.datetime | None = None

    def note(self, made_at: dt.datetime) -> None:
        """Note that a day was made at a time, whether or not an entry tells of it."""
        self.updated = max(made_at, self.updated or made_at)

    def latest_post_date(self) -> dt.datetime:
        if self.updated is None:
            raise ValueError("a feed tells of one day at least")
        return self.updated

    def add_item_elements(self, handler: Any, item: dict[str, Any]) -> None:
        super().add_item_elements(handler, item)
        for name in item.get("authors", ()):
            handler.startElement("author", {})
            handler.addQuickElement("name", name)
            handler.endElement("author")
        if "related" in item:
            handler.addQuickElement("link", "", {"rel": "related", "href": item["related"]})


def _feed(name: str, said: Words, archive: str, base: str) -> _Feed:
    titles = {"feed.xml": said.title, "papers.xml": said.papers_title}
    return _Feed(
        title=titles[name],
        link=f"{base}index.html",
        description=None,
        language=said.html_lang,
        author_name=said.title,
        feed_url=f"{base}{name}",
        feed_guid=_id(archive, name),
    )


def _id(archive: str, name: str) -> str:
    return uuid5(_IDS, f"{archive} {name}").urn


def _xml(text: str) -> str:
    return _NOT_XML.sub("", text)
