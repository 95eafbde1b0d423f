"""The feeds of a day that is over: as they are kept, or by submission time where none is kept."""

from __future__ import annotations

import datetime as dt

from arxiv_digest.adapters.archive import Archive, raw_feed_key, raw_page_key
from arxiv_digest.adapters.arxiv import ExportApi, FeedUnreachable
from arxiv_digest.announcements import (
    ApiPage,
    ParsedFeed,
    joined,
    judged,
    parse_feed,
    submission_window,
)
from arxiv_digest.models import FeedReading, FeedState


def past_feed(
    archive: Archive, api: ExportApi, category: str, date: dt.date, patience: float
) -> ParsedFeed:
    """What a category announced on a past date.

    A kept feed says it exactly, be it one that broke off where no whole one is kept. Without any
    the export API is asked, for at most ``patience`` seconds, and its pages are kept.
    """
    return _kept(archive, category, date) or _by_submission(archive, api, category, date, patience)


def _kept(archive: Archive, category: str, date: dt.date) -> ParsedFeed | None:
    for whole in (True, False):
        content = archive.read(raw_feed_key(date, category, whole=whole))
        if content is not None:
            return judged(parse_feed(content, category), date)
    return None


def _by_submission(
    archive: Archive, api: ExportApi, category: str, date: dt.date, patience: float
) -> ParsedFeed:
    window = submission_window(date)
    if window is None:
        detail = "arXiv announces nothing on Saturdays and Sundays"
        reading = FeedReading(category=category, state=FeedState.EMPTY, date=date, detail=detail)
        return ParsedFeed(reading, ())
    pages: list[ApiPage] = []
    trouble = ""
    try:
        for content, page in api.pages(category, window, date, patience):
            pages.append(page)
            archive.write(raw_page_key(date, category, len(pages)), content)
    except FeedUnreachable as problem:
        trouble = str(problem)
    return joined(category, date, pages, trouble)
