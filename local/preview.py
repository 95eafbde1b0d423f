"""What a day's digest would be with a profile: by the local scorer, without stack and cost."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from arxiv_digest import rendering
from arxiv_digest.announcements import (
    ParsedFeed,
    in_order,
    judged,
    merge,
    unread,
)
from arxiv_digest.batches import make_batches
from arxiv_digest.firings import eastern_date, newest
from arxiv_digest.language import feed_notes
from arxiv_digest.local import score_day, with_nearest
from arxiv_digest.models import (
    LOCAL_SCORER,
    Day,
    Digest,
    Example,
    PapersOfDay,
    Recommendation,
    Run,
    SteeringKind,
    Tokens,
    ranked,
)
from arxiv_digest.profile import Profile
from arxiv_digest.ranking import make_digest

SHOWN = 3
"""Titles shown of each field."""


class Folder:
    """A folder by the keys of an archive."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def read(self, key: str) -> bytes | None:
        """The bytes of one file, or none where there is no such file."""
        file = self.place / key
        return file.read_bytes() if file.is_file() else None

    def write(self, key: str, body: str | bytes) -> None:
        """Write one file."""
        file = self.place / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body.encode() if isinstance(body, str) else body)


def previewed(
    profile: Profile,
    text: str,
    read: Sequence[ParsedFeed],
    seen: Mapping[str, dt.date],
    examples: Sequence[Example],
    now: dt.datetime,
) -> Digest:
    """The digest that a profile, whose YAML is ``text``, makes of what was read.

    The feeds may be those of other profiles as well; ``seen`` are the papers by id that a date has
    read.
    """
    date = newest((feed.reading for feed in read), eastern_date(now))
    feeds = in_order((judged(feed, date) for feed in read), profile.categories)
    merged = merge([feed.papers for feed in feeds], profile.announce_types)
    papers = unread(merged.papers, seen, date)
    examples = with_nearest(papers, examples) if papers and examples else tuple(examples)
    run = Run(
        date=date,
        started_at=now,
        profile=text,
        feeds=tuple(feed.reading for feed in feeds),
        announced=len(papers),
        batches=len(make_batches(date, papers, profile.papers_per_call)),
        left_out=merged.left_out,
        seen_before=len(merged.papers) - len(papers),
        scorer=LOCAL_SCORER,
        mail=False,
        examples=examples,
    )
    scores = score_day(papers, profile, examples=examples)
    return make_digest(run, profile, papers, scores, Tokens(), now, {})


def write_preview(digest: Digest, place: Path) -> Path:
    """Write a digest as an archive of one day; returns the day's page."""
    folder = Folder(place)
    days, papers = [Day.of(digest)], {digest.date: PapersOfDay.of(digest)}
    for key, content in (
        *rendering.day_files(digest),
        *rendering.shared_files(digest, digest, days, papers, "preview"),
    ):
        folder.write(key, content)
    return place / f"{digest.date}/digest.html"


def preview_lines(digest: Digest) -> Iterator[str]:
    """A digest for a terminal: what each field catches, and which of them catch nothing."""
    ledger = digest.ledger
    yield (
        f"With this profile, the digest of {digest.date} would have had"
        f" {digest.recommended} of {ledger.announced} announced papers."
    )
    for note in feed_notes(digest.feeds, "en"):
        yield f"  {note}"
    if digest.left_out:
        yield f"  left out: {digest.left_out} of other announce types, which the profile names"
    if digest.seen_before:
        yield f"  not read again: {digest.seen_before} that other days in OUT have read"
    for field in digest.reader.fields:
        yield ""
        yield from _field_lines(field, digest)
    if rest := [entry for entry in digest.recommendations if entry.field is None]:
        yield f"\nof no field: {len(rest)} recommended"
        yield from map(_line, rest[:SHOWN])
    yield from _steering_lines(digest)


def _steering_lines(digest: Digest) -> Iterator[str]:
    if digest.steering:
        yield "\npapers by entry that steers:"
    for entry in digest.steering:
        if not entry.trouble:
            yield f"  {entry.papers:4d}  {entry.kind} {entry.title or entry.entry}"
    for trouble in dict.fromkeys(entry.trouble for entry in digest.steering if entry.trouble):
        without = [entry.entry for entry in digest.steering if entry.trouble == trouble]
        yield f"  without effect: {', '.join(without)} ({trouble})"


def _field_lines(field: str, digest: Digest) -> Iterator[str]:
    """What a field catches, be it as the first or as the second field of a paper."""
    of_field = ranked(e for e in digest.recommendations if field in (e.field, e.second_field))
    second = sum(entry.second_field == field for entry in of_field)
    others = [entry for entry in digest.below if entry.field == field]
    below = ranked(entry for entry in others if not _held_back(entry))
    if of_field:
        as_well = f", {second} of them as another field's" if second else ""
        yield f"{field}: {len(of_field)} recommended{as_well}; nearest to it below: {len(below)}"
        yield from map(_line, of_field[:SHOWN])
    elif not digest.ledger.announced:
        yield f"{field}: nothing to catch, since nothing was announced."
    elif below:
        yield f"{field}: catches nothing. Nearest to it, below the threshold:"
        yield from map(_line, below[:SHOWN])
        yield "  Write its description in the words of such papers, or lower its minimum_score."
    elif not others:
        yield f"{field}: catches nothing, and no paper of the day is nearest to it."
        yield "  Name in its description, in English, what the abstracts that you want would say."
    else:
        yield f"{field}: catches nothing."
    if held_back := len(others) - len(below):
        yield f"  held back by mute or at_most: {held_back}"


def _held_back(entry: Recommendation) -> bool:
    """Whether no score would make a paper recommended, whatever its field's description says."""
    kinds = (SteeringKind.MUTED_PHRASE, SteeringKind.FIELD_CAP)
    return any(steer.kind in kinds for steer in entry.steering)


def _line(entry: Recommendation) -> str:
    return f"  {entry.score:4.1f}  {entry.paper.title}"
