"""arXiv's feeds as papers: the RSS of a category, and the Atom of the export API.

The rules come from arXiv's RSS and Atom feed specifications and its API manual.
"""

from __future__ import annotations

import datetime as dt
import html
import io
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from arxiv_digest.firings import EASTERN, eastern_date
from arxiv_digest.migrations import Stored
from arxiv_digest.models import (
    SCHEMA_VERSION,
    AnnounceType,
    FeedReading,
    FeedState,
    Paper,
    SchemaVersion,
    Value,
)
from arxiv_digest.tex import decode_accents

_ID = re.compile(
    r"(?:(?<![0-9])(?P<id>[0-9]{4}\.[0-9]{4,5})"
    r"|(?P<archive>[a-z][a-z-]*)(?:\.[A-Z]{2})?/(?P<number>[0-9]{7}))(?![0-9])"
    r"(?:v(?P<version>[1-9][0-9]{0,3}))?"
)
_DESCRIPTION = re.compile(
    r"\A\s*arXiv:(?P<id>\S+)\s+Announce Type:\s*(?P<type>[a-z-]+)\s+Abstract:\s?(?P<abstract>.*)\Z",
    re.DOTALL,
)


_CLOSE = time(14)
# Days before the date of a feed, by its weekday, on which its submissions began and closed.
_SUBMITTED = {0: (4, 3), 1: (4, 1), 2: (2, 1), 3: (2, 1), 4: (2, 1)}
_TOTAL = re.compile(r"[0-9]{1,9}")


class EntitiesDeclared(Exception):
    """A feed that declares entities, with which a few bytes can stand for gigabytes or for a file.

    arXiv's feeds declare none, and escape what stands in a title or an abstract.
    """


class ParsedFeed(NamedTuple):
    """A category's feed: how it was read, and the papers in it, in its order."""

    reading: FeedReading
    papers: tuple[Paper, ...]


class Announced(Value):
    """What was announced on a date, as it was read once for many profiles."""

    schema_version: SchemaVersion = SCHEMA_VERSION
    date: dt.date
    feeds: tuple[ParsedFeed, ...]


ANNOUNCED = Stored("Announced", TypeAdapter(Announced))


def paper_id(text: str) -> tuple[str, int] | None:
    """Find an arXiv identifier in a link, a GUID or a bare id: ``(id, version)``, or none.

    A missing version counts as 1. Both styles of identifier are understood; an old one is given as
    arXiv gives it, without the subject that may stand in it, as in ``math.GT/0309136``.
    """
    match = _ID.search(text)
    if not match:
        return None
    return match["id"] or f"{match['archive']}/{match['number']}", int(match["version"] or 1)


def parse_feed(content: bytes, category: str) -> ParsedFeed:
    """Read one category's feed.

    The state is ``fresh`` for a whole feed with announcements, ``empty`` for a whole feed without,
    ``cut-off`` for one that breaks off, declares entities or is no feed at all; whether it is stale
    is a question of the date it is read for (:func:`judged`). An announcement that cannot be read
    whole is left out and named in ``unreadable``; nothing in the content raises.
    """
    parsed = _parsed(content)
    broken = _break(parsed)
    announced = _feed_date(parsed.feed)
    papers, unreadable = _read(parsed, broken, lambda entry: _paper(entry, announced))
    if broken:
        state, detail = FeedState.CUT_OFF, broken
    elif announced is None:
        state, detail = FeedState.CUT_OFF, "the feed names no announcement date"
    else:
        state, detail = (FeedState.FRESH if papers or unreadable else FeedState.EMPTY), ""
    reading = FeedReading(
        category=category,
        state=state,
        date=announced,
        items=len(papers),
        unreadable=unreadable,
        detail=detail,
    )
    return ParsedFeed(reading, papers)


def judged(feed: ParsedFeed, expected: date) -> ParsedFeed:
    """The feed as seen by the run of one date: a whole feed of an earlier date is ``stale``."""
    reading = feed.reading
    whole = reading.state in (FeedState.FRESH, FeedState.EMPTY)
    if whole and reading.date is not None and reading.date < expected:
        return feed._replace(reading=reading.model_copy(update={"state": FeedState.STALE}))
    return feed


class SubmissionWindow(NamedTuple):
    """When papers announced together were submitted: from ``start``, before ``end``, in UTC."""

    start: datetime
    end: datetime


def submission_window(announced: date) -> SubmissionWindow | None:
    """The time in which the papers of an announcement date were submitted, as a rule.

    By arXiv's schedule (https://info.arxiv.org/help/availability.html) submissions close at 14:00
    US Eastern, Monday to Friday, and are announced at 20:00, Sunday to Thursday; the feed of an
    announcement is dated the day after. None for a Saturday or Sunday, on which no feed is dated.
    Papers on hold, and those of arXiv's holidays, are announced later than this says.
    """
    days = _SUBMITTED.get(announced.weekday())
    if days is None:
        return None
    start, end = (
        datetime.combine(announced - timedelta(before), _CLOSE, EASTERN).astimezone(UTC)
        for before in days
    )
    return SubmissionWindow(start, end)


class ApiPage(NamedTuple):
    """One page of the export API's answer to a query.

    ``total`` counts the results of the whole query, ``entries`` those of this page, readable or
    not. ``trouble`` says why the page is not whole; ``refusal`` is arXiv's own word for why it did
    not answer.
    """

    total: int
    entries: int
    papers: tuple[Paper, ...]
    unreadable: tuple[str, ...]
    trouble: str = ""
    refusal: str = ""


def parse_api_page(content: bytes, category: str, announced: date) -> ApiPage:
    """Read one page of the export API as papers of a category that were announced on a date.

    The API knows no announcements: a paper counts as ``new`` where the category is its primary one,
    and as a cross-list otherwise. An entry that cannot be read whole is left out and named in
    ``unreadable``; nothing in the content raises. Errors are told as the API manual says (3.4), by
    one entry whose id leads to ``/api/errors``.
    """
    parsed = _parsed(content)
    broken = _break(parsed)
    entries = parsed.entries
    if len(entries) == 1 and "/api/errors" in _text(entries[0], "id"):
        why = _clean(_text(entries[0], "summary"))[:200] or "no reason given"
        return ApiPage(0, 0, (), (), refusal=why)
    papers, unreadable = _read(
        parsed, broken, lambda entry: _submission(entry, category, announced)
    )
    total = _TOTAL.fullmatch(_text(parsed.feed, "opensearch_totalresults").strip())
    trouble = broken or ("" if total else "the answer does not say how many papers there are")
    return ApiPage(int(total[0]) if total else 0, len(entries), papers, unreadable, trouble)


def joined(
    category: str, announced: date, pages: Sequence[ApiPage], trouble: str = ""
) -> ParsedFeed:
    """The pages of one query as the feed of a category; a paper on two pages counts once.

    The state is ``approximate`` where every page was read. ``trouble`` says why not: then it is
    ``cut-off``, or ``unreachable`` without any page.
    """
    papers: dict[str, Paper] = {}
    for paper in (paper for page in pages for paper in page.papers):
        papers.setdefault(paper.id, paper)
    cut = FeedState.CUT_OFF if pages else FeedState.UNREACHABLE
    reading = FeedReading(
        category=category,
        state=cut if trouble else FeedState.APPROXIMATE,
        date=announced if pages else None,
        items=len(papers),
        unreadable=tuple(dict.fromkeys(what for page in pages for what in page.unreadable)),
        detail=f"arXiv's export API: {trouble}" if trouble else "",
    )
    return ParsedFeed(reading, tuple(papers.values()))


def in_order(feeds: Iterable[ParsedFeed], categories: Sequence[str]) -> list[ParsedFeed]:
    """The feeds of some categories in their order, and those that came late after all others."""

    def place(feed: ParsedFeed) -> int:
        late = feed.reading.state is FeedState.LATE
        return len(categories) if late else categories.index(feed.reading.category)

    return sorted((feed for feed in feeds if feed.reading.category in categories), key=place)


class Merged(NamedTuple):
    """The distinct papers of several feeds, and how many announcements were of another type."""

    papers: tuple[Paper, ...]
    left_out: int


def merge(feeds: Iterable[Iterable[Paper]], announce_types: Collection[AnnounceType]) -> Merged:
    """Join feeds into distinct papers in announcement order: feed by feed, each in its own order.

    A paper announced in two categories stands where it came first, with the categories of both.
    What the profile's announce types leave out is counted, by paper.
    """
    papers: dict[str, Paper] = {}
    other: set[str] = set()
    for paper in (paper for feed in feeds for paper in feed):
        if paper.announce_type not in announce_types:
            other.add(paper.id)
        elif paper.id in papers:
            first = papers[paper.id]
            both = tuple(dict.fromkeys((*first.categories, *paper.categories)))
            papers[paper.id] = first.model_copy(update={"categories": both})
        else:
            papers[paper.id] = paper
    return Merged(tuple(papers.values()), len(other - papers.keys()))


def unread(papers: Iterable[Paper], read: Mapping[str, date], day: date) -> list[Paper]:
    """The papers of a day without those that, by id, another date has read."""
    # A backfill also meets papers that a later day's run has read.
    return [paper for paper in papers if read.get(paper.id, day) == day]


def author_names(text: str) -> tuple[str, ...]:
    r"""Split an author line into names.

    Affiliations in parentheses are dropped (they hold commas themselves), TeX accents are decoded,
    and the lone colon that follows a collaboration's name is left out.

    >>> author_names(r"NVIDIA,  :, Ren\'e Zurbr\"ugg (ETH, Zurich)")
    ('NVIDIA', 'René Zurbrügg')
    """
    kept: list[str] = []
    depth = 0
    for character in text:
        if character == "(":
            depth += 1
        elif character == ")":
            depth = max(0, depth - 1)
        elif depth == 0:
            kept.append(character)
    # A backslash that is left is a slip: a line break, or an accent that was escaped twice.
    names = (_clean(decode_accents(part).replace("\\", "")) for part in "".join(kept).split(","))
    return tuple(name for name in names if name.strip(":; "))


def _parsed(content: bytes) -> Any:
    # Imported here: aggregate and score want dates and ids of this module, and read no feed.
    import feedparser
    from feedparser.encodings import convert_to_utf8

    content = _without_half_a_character(content)
    try:
        # In the very bytes that the XML parser would get, whatever encoding hides them.
        if b"<!ENTITY" in convert_to_utf8({}, content, {}):
            raise EntitiesDeclared
        # A stream, because feedparser takes bytes for the name of a file first. Unsanitised,
        # because it would delete what looks like a tag in an abstract, such as "a <b and c> d".
        return feedparser.parse(
            io.BytesIO(content), sanitize_html=False, resolve_relative_uris=False
        )
    except Exception as problem:  # damaged XML makes it raise nearly anything
        return feedparser.FeedParserDict(
            version="unknown",
            feed=feedparser.FeedParserDict(),
            entries=[],
            bozo=True,
            bozo_exception=problem,
        )


def _without_half_a_character(content: bytes) -> bytes:
    # Half a character at the cut would make feedparser guess another encoding for all the rest.
    try:
        content.decode()
    except UnicodeDecodeError as problem:
        if problem.reason == "unexpected end of data":
            return content[: problem.start]
    return content


def _read(
    parsed: Any, broken: str, read: Callable[[Mapping[str, Any]], Paper]
) -> tuple[tuple[Paper, ...], tuple[str, ...]]:
    """The papers of a feed's entries, and a sentence for each entry that is none."""
    entries = list(parsed.entries)
    papers: list[Paper] = []
    unreadable: list[str] = []
    if broken and entries:
        # The entry at which a feed breaks off may look whole with half an abstract.
        cut = entries.pop()
        unreadable.append(f"{_name(cut)}: the feed breaks off in or after this announcement")
    for entry in entries:
        try:
            papers.append(read(entry))
        except ValueError as problem:
            unreadable.append(f"{_name(entry)}: {problem}")
    return tuple(papers), tuple(unreadable)


def _text(values: Mapping[str, Any], key: str) -> str:
    # An empty or oddly nested element gives none or a mapping.
    value = values.get(key)
    return value if isinstance(value, str) else ""


def _identity(entry: Mapping[str, Any]) -> tuple[str, int] | None:
    return paper_id(_text(entry, "id")) or paper_id(_text(entry, "link"))


def _paper(entry: Mapping[str, Any], announced: date | None) -> Paper:
    identity = _identity(entry)
    if identity is None:
        raise ValueError("no arXiv identifier in its id or link")
    title = _clean(decode_accents(html.unescape(_text(entry, "title"))))
    if not title:
        raise ValueError("no title")
    summary = _text(entry, "summary")
    description = _DESCRIPTION.match(summary)
    abstract = _clean(html.unescape(description["abstract"] if description else summary))
    if not abstract:
        raise ValueError("no abstract")
    dated = _entry_date(entry) or announced
    if dated is None:
        raise ValueError("no announcement date, neither of its own nor of the feed")
    return Paper(
        id=identity[0],
        version=identity[1],
        title=title,
        authors=_authors(entry),
        abstract=abstract,
        categories=tuple(
            dict.fromkeys(term for tag in entry.get("tags", ()) if (term := _text(tag, "term")))
        ),
        announce_type=_announce_type(entry, description, identity[1]),
        announced=dated,
    )


def _submission(entry: Mapping[str, Any], category: str, announced: date) -> Paper:
    paper = _paper(entry, announced)
    named = entry.get("arxiv_primary_category")
    # Without attributes feedparser makes it a text. arXiv lists the primary category first.
    primary = _text(named, "term") if isinstance(named, Mapping) else ""
    primary = primary or next(iter(paper.categories), "")
    kind = AnnounceType.NEW if primary == category else AnnounceType.CROSS
    return paper.model_copy(update={"announce_type": kind, "announced": announced})


def _authors(entry: Mapping[str, Any]) -> tuple[str, ...]:
    # RSS puts all names into one dc:creator; Atom gives each author an element of its own.
    authors = [_text(author, "name") for author in entry.get("authors", ())]
    text = ", ".join(authors) if len(authors) > 1 else _text(entry, "author")
    return author_names(html.unescape(text))


def _announce_type(
    entry: Mapping[str, Any], description: re.Match[str] | None, version: int
) -> AnnounceType:
    named = _text(entry, "arxiv_announce_type") or (description["type"] if description else "")
    if not named:
        # The export API names no announce type; a first version cannot be a replacement.
        return AnnounceType.NEW if version == 1 else AnnounceType.REPLACE
    try:
        return AnnounceType(named.strip())
    except ValueError:
        known = ", ".join(AnnounceType)
        raise ValueError(f"unknown announce type {named!r} (known: {known})") from None


def _clean(text: str) -> str:
    return " ".join(text.split())


def _name(entry: Mapping[str, Any]) -> str:
    identity = _identity(entry)
    return identity[0] if identity else _clean(_text(entry, "title"))[:80] or "an entry without id"


def _break(parsed: Any) -> str:
    """Why a feed is not whole, in a few words; empty for a well-formed feed."""
    if not parsed.get("version"):
        return "the answer is not a feed"
    import feedparser

    problem = parsed.get("bozo_exception")
    if isinstance(problem, EntitiesDeclared):
        return "the feed declares entities, which arXiv's feeds never do"
    # A wrong declaration of the encoding does not cut a feed off; feedparser has mended it.
    if not parsed.get("bozo") or isinstance(problem, feedparser.CharacterEncodingOverride):
        return ""
    line = getattr(problem, "getLineNumber", lambda: None)()
    where = type(problem).__name__ if line is None else f"line {line}"
    return f"the feed's XML breaks off or is malformed ({where})"


def _feed_date(feed: Mapping[str, Any]) -> date | None:
    return _rss_date(_text(feed, "published")) or _atom_date(_text(feed, "updated"))


def _entry_date(entry: Mapping[str, Any]) -> date | None:
    # Only RSS dates an item by its announcement: the API's dates are those of submission.
    return _rss_date(_text(entry, "published"))


def _rss_date(text: str) -> date | None:
    """The date of an RFC 822 time as written: arXiv writes announcement dates in Eastern time."""
    try:
        return parsedate_to_datetime(text).date() if text else None
    except (ValueError, OverflowError):
        return None


def _atom_date(text: str) -> date | None:
    try:
        return eastern_date(datetime.fromisoformat(text)) if text else None
    except (ValueError, OverflowError):
        return None
