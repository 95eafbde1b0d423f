"""A digest as the e-mail that is handed to SES, cut to what mail programs show whole."""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache, lru_cache
from typing import Any

import css_inline

from arxiv_digest.language import Words, rebuilt, words
from arxiv_digest.models import Digest, Recommendation, Section, Unscored, ranked
from arxiv_digest.rendering.context import context, environment
from arxiv_digest.rendering.mathematics import tex_text
from arxiv_digest.voting import VoteLinks, Voting

PART_BYTES = 98_000
"""The most that one part of a mail may have, in bytes of UTF-8 with its line breaks as CRLF.

Gmail clips what is longer than 102 KB, as senders say; Google documents no number. The tests told
of in https://github.com/hteumeuleu/email-bugs ("Gmail clips emails at 102 kB or with special
characters") were clipped after 99,507 to 100,217 bytes of HTML.
"""

FULL_FIRST = 25
"""So many of the best papers are shown in full before any other gets a line."""

FAILED_FIRST = 10
"""So many failed papers are listed even where the recommended ones would fill the mail."""

NOTES_SHOWN = 10
"""So many notes are shown; a day on which no announcement can be read has hundreds."""

AUTHORS_NAMED = 3
"""So many authors of a paper are named; the others are counted."""

LONGEST_TITLE = 300
LONGEST_SENTENCE = 400
LONGEST_NAME = 100
"""Characters of a title, of a reason or a note, of a field or an author; the rest is cut off.

The first papers, notes and failed ones fit into a part whatever these hold.
"""

TEXT_COLUMNS = 72
"""The width of plain text: the 78 characters of RFC 5322 (section 2.1.1), less room for quoting."""


@dataclass(frozen=True)
class Shown:
    """How many notes, papers in full, papers in a line and failed papers a part shows.

    The papers are counted by rank over all fields, those in a line after those in full.
    """

    notes: int
    full: int
    lines: int
    failed: int


@dataclass(frozen=True)
class FieldShown:
    """One field in a part of a mail: how many papers it has, and which of them are shown how."""

    name: str
    count: int
    full: tuple[Recommendation, ...]
    lines: tuple[Recommendation, ...]


def render_mail(
    digest: Digest, sender: Address, recipient: str, page: str, voting: Voting | None = None
) -> EmailMessage:
    """The digest as a multipart message, text and HTML, as it is handed to SES.

    ``page`` says where the digest stands in the archive; with ``voting`` each paper in full has
    links by which the recipient votes on it. Neither part exceeds
    :data:`PART_BYTES`: the best papers stand in full, more in a line each, the rest is counted.
    SES replaces ``Message-ID`` and ``Date``, so neither is set.
    """
    said = words(digest.reader.language)
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = Address(addr_spec=recipient)
    message["Subject"] = _subject(digest, said)
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<mailto:{sender.addr_spec}?subject=unsubscribe>"
    message["X-ArXiv-Digest"] = f"date={digest.date}; profile={digest.reader.profile}"
    text, html = _parts(digest, page, voting.links(digest) if voting else None)
    if voting:
        text, html = (_own_links(part, digest, recipient, voting) for part in (text, html))
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def first_line(digest: Digest, said: Words) -> str:
    """The day in one line: papers read, papers recommended, and the field that has most of them.

    Of fields that have equally many it is the first in the order of the sections.
    """
    read = said.count(said.papers_read, digest.ledger.announced)
    if digest.sections:
        best = max(digest.sections, key=lambda section: len(section.papers))
        line = said.first_line.format(
            read=read,
            recommended=said.number(digest.recommended),
            field=_field(best, said),
            most=said.number(len(best.papers)),
        )
    elif digest.ledger.announced:
        line = said.first_line_none.format(read=read)
    else:
        line = said.nothing_to_read
    return line + said.count(said.not_scored, digest.ledger.failed) if digest.failed else line


def cut(text: str, longest: int) -> str:
    """Text on one line of so many characters at most, without control characters.

    Gmail clips a mail at some of those, however short it is.

    >>> cut("Quantum" + chr(0x92) + "  error correction", 12)
    'Quantum err…'
    """
    line = " ".join(_CONTROLS.sub(" ", text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def wrapped(text: str, first: str = "", rest: str = "") -> str:
    """Text broken into lines of :data:`TEXT_COLUMNS`, the first and the rest indented by those.

    Words, and with them addresses, stay whole. Text with wide characters is left on one line: it
    may be broken between any two, which mail programs do by themselves.
    """
    if not text.isascii() and any(unicodedata.east_asian_width(mark) in "WF" for mark in text):
        return first + text
    return textwrap.fill(
        text,
        TEXT_COLUMNS,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


@lru_cache(maxsize=1)
def _parts(digest: Digest, page: str, votes: VoteLinks | None) -> tuple[str, str]:
    """Text and HTML, which are the same for every recipient of a digest but for their own links."""
    text = environment().get_template("mail.txt.j2")
    html = environment().get_template("mail.html.j2")
    given = {**_given(digest, page), "votes": votes}
    return (
        _fitted(digest, given, text.render),
        # The message ends each part with a line break, which has to be counted, too.
        _fitted(digest, given, lambda shown: _inliner().inline(html.render(shown)) + "\n"),
    )


def _own_links(part: str, digest: Digest, recipient: str, voting: Voting) -> str:
    """A part with the recipient's links to vote, as long as those that it was fitted with.

    Fitting takes a second, for which no recipient but the first has to wait.
    """
    shared, own = voting.links(digest), voting.links(digest, recipient)
    for entry in digest.recommendations:
        for there, here in zip(shared(entry.paper.id), own(entry.paper.id), strict=True):
            part = part.replace(there, here)
    return part


def _fitted(
    digest: Digest, given: dict[str, Any], template: Callable[[dict[str, Any]], str]
) -> str:
    """The part that shows as much as fits.

    The best papers come first, in full; then the others in a line each; where all of them have one,
    more in full; then more failed papers.
    """

    @cache
    def render(shown: Shown) -> str:
        return template({**given, **_content(digest, given, shown)})

    def size(shown: Shown) -> int:
        body = render(shown)
        return len(body.encode()) + body.count("\n")

    papers, failed = digest.recommended, len(digest.failed)
    shown = Shown(min(len(given["notes"]), NOTES_SHOWN), 0, 0, min(failed, FAILED_FIRST))
    full = _most(0, min(papers, FULL_FIRST), lambda count: size(replace(shown, full=count)))
    shown = replace(shown, full=full)
    lines = _most(0, papers - full, lambda count: size(replace(shown, lines=count)))
    shown = replace(shown, lines=lines)
    if full + lines == papers:
        full = _most(
            full, papers, lambda count: size(replace(shown, full=count, lines=papers - count))
        )
        shown = replace(shown, full=full, lines=papers - full)
    more = _most(shown.failed, failed, lambda count: size(replace(shown, failed=count)))
    return render(replace(shown, failed=more))


def _most(least: int, most: int, size: Callable[[int], int]) -> int:
    """The largest count whose size is at most :data:`PART_BYTES`; ``least`` is taken to fit.

    Sizes grow nearly evenly with the count, so the place between two known ones says where to look
    next. Where that does not halve what is left, the middle is looked at.
    """
    if least == most or (over := size(most)) <= PART_BYTES:
        return most
    under = min(size(least), PART_BYTES)
    halved = True
    while most - least > 1:
        left = most - least
        ahead = left * (PART_BYTES - under) // (over - under) if halved else left // 2
        count = least + min(max(ahead, 1), left - 1)
        found = size(count)
        if found <= PART_BYTES:
            least, under = count, found
        else:
            most, over = count, found
        halved = most - least <= left // 2
    return least


def _given(digest: Digest, page: str) -> dict[str, Any]:
    """What the templates of both parts are given, however much of the digest they show."""
    given = context(digest)
    said = given["said"]
    again = rebuilt(digest.feeds, said) if digest.rebuilt else ""
    return {
        **given,
        "first_line": first_line(digest, said),
        "rebuilt": again,
        "account": [cut(line, LONGEST_SENTENCE) for line in given["account"] if line != again],
        "page": page,
        "on_page": page.startswith(("http://", "https://")),
        "english_is_foreign": digest.reader.language != "en",
        # Cached, since a part is rendered a dozen times or more until it fits.
        "reason": cache(lambda entry: cut(tex_text(given["reason"](entry)), LONGEST_SENTENCE)),
        "marks": cache(lambda entry: cut(given["marks"](entry), LONGEST_SENTENCE)),
        "title_of": cache(lambda paper: cut(tex_text(paper.title), LONGEST_TITLE)),
        "authors": cache(lambda entry: _authors(entry, said)),
        "wrapped": cache(wrapped),
    }


def _content(digest: Digest, given: dict[str, Any], shown: Shown) -> dict[str, Any]:
    """The part of a digest that is shown, and how much of it is only counted."""
    said, notes = given["said"], given["notes"]
    ranking = ranked(digest.recommendations)
    place = {entry.paper.id: place for place, entry in enumerate(ranking)}
    end = shown.full + shown.lines
    fields = []
    for section in digest.sections:
        papers = [entry for entry in section.papers if place[entry.paper.id] < end]
        if papers:
            full = tuple(entry for entry in papers if place[entry.paper.id] < shown.full)
            lines = tuple(papers[len(full) :])
            fields.append(FieldShown(_field(section, said), len(section.papers), full, lines))
    return {
        "fields": fields,
        "more_papers": len(ranking) - end,
        "failed": digest.failed[: shown.failed],
        "more_failed": len(digest.failed) - shown.failed,
        "notes": [cut(note, LONGEST_SENTENCE) for note in notes[: shown.notes]],
        "more_notes": len(notes) - shown.notes,
    }


def _field(section: Section, said: Words) -> str:
    return cut(section.field or said.other_field, LONGEST_NAME)


def _authors(entry: Recommendation | Unscored, said: Words) -> str:
    names = entry.paper.authors
    named = ", ".join(cut(name, LONGEST_NAME) for name in names[:AUTHORS_NAMED])
    rest = len(names) - AUTHORS_NAMED
    return f"{named} +\N{NO-BREAK SPACE}{said.number(rest)}" if rest > 0 else named


def _subject(digest: Digest, said: Words) -> str:
    best = digest.best
    if best is None:
        return said.subject_none.format(date=digest.title_date)
    count = said.number(digest.recommended)
    title = tex_text(best.paper.title)
    return cut(said.subject.format(date=digest.title_date, count=count, title=title), 150)


_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@cache
def _inliner() -> css_inline.CSSInliner:
    return css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True, minify_css=True)
