"""A digest to the archive: the files of its day, then those that it shares with other days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from zlib import compress, decompress

from arxiv_digest import migrations
from arxiv_digest.adapters.archive import Archive
from arxiv_digest.adapters.runs import Runs
from arxiv_digest.lazily import Lazily
from arxiv_digest.migrations import Stored, Unreadable
from arxiv_digest.models import Day, Digest, PapersOfDay
from arxiv_digest.voting import Voting

T = TypeVar("T")


@dataclass(frozen=True)
class Archiving:
    """The archive with the table's index of days beside it.

    ``page_base`` is the archive's address on the web without a slash at its end, or empty.
    """

    runs: Runs
    archive: Archive
    log: Callable[[str], None]
    page_base: str = ""
    voting: Voting | None = None

    def __call__(self, digest: Digest) -> None:
        """Write a digest's own files, and make the shared ones of what all days have left.

        Shared files are made of the small files of days, and of the index in the table, which each
        call writes first. They are made again where one of these changed meanwhile: of calls for
        different days at the same time, the last to write has seen what all of them wrote.
        Afterwards they are the same whichever came first.
        """
        # Imported here, as in aggregate: a deadline that finds its digest made renders nothing.
        from arxiv_digest import rendering

        for key, body in rendering.day_files(digest, self.voting):
            self.archive.write(key, body)
        self.runs.record_day(Day.of(digest))
        base = f"{self.page_base}/{self.archive.place}" if self.page_base else ""
        name = f"{self.archive.bucket}/{self.archive.place}".rstrip("/")
        read: dict[str, tuple[str, bytes | None]] = {}
        while True:
            days = self.runs.days()
            in_feeds = {day.date for day in days[-rendering.DAYS_IN_FEED :]}
            kept = self._kept({digest.date, *in_feeds})
            wanted = [
                key
                for key in kept
                if key.startswith(f"{digest.date:%Y-%m}-") or _date(key) in in_feeds
            ]
            for key in wanted:
                if key not in read or read[key][0] != kept[key]:
                    read[key] = (kept[key], self._papers(key))
            papers = Lazily(
                {
                    _date(key): partial(_papers_of_day, stored, key)
                    for key in wanted
                    if (stored := read[key][1]) is not None
                }
            )
            # Another call's day may be the newest by now, and this one may have written over it.
            newest = days[-1].date
            latest = (
                digest
                if newest == digest.date
                else self._read(f"{newest}/digest.json", migrations.DIGEST)
            )
            shared = rendering.shared_files(digest, latest, days, papers, name, base, self.voting)
            for key, body in shared:
                self.archive.write(key, body)
            if self.runs.days() == days and self._kept({digest.date, *in_feeds}) == kept:
                return

    def _kept(self, dates: Iterable[dt.date]) -> dict[str, str]:
        """The entity tag of each day's file of papers in the months of some dates, by key."""
        months = sorted({f"{date:%Y-%m}" for date in dates})
        return {
            key: tag
            for month in months
            for key, tag in self.archive.tags(f"{month}-").items()
            if key.endswith("/papers.json")
        }

    def _papers(self, key: str) -> bytes | None:
        """The file of a day's papers, or none where it is gone or cannot be read.

        Compressed it takes a small part of the memory that its papers take.
        """
        body = self.archive.read(key)
        if body is None or self._understood(key, body, migrations.PAPERS_OF_DAY) is None:
            return None
        return compress(body)

    def _read(self, key: str, stored: Stored[T]) -> T | None:
        """A value of the archive, or none where it is gone or cannot be read."""
        return self._understood(key, self.archive.read(key), stored)

    def _understood(self, key: str, body: bytes | None, stored: Stored[T]) -> T | None:
        try:
            return stored.read(body, key) if body is not None else None
        except Unreadable as problem:
            self.log(f"{key} is left out of the archive's shared files: {problem}")
            return None


def _date(key: str) -> dt.date:
    return dt.date.fromisoformat(key.partition("/")[0])


def _papers_of_day(compressed: bytes, key: str) -> PapersOfDay:
    return migrations.PAPERS_OF_DAY.read(decompress(compressed), key)
