"""What a firing of fetch does with what it read: start the run, wait, or store for the next run.

The feeds are rebuilt at midnight US Eastern, one category later than another, and the schedule
fires several times. The first firing that finds every category whole and of the day starts the
run; the last one of the night starts it with what is there; the late ones, at noon and in the
evening, only store. A backfill rebuilds a day that is over.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, model_validator

from arxiv_digest.migrations import Stored
from arxiv_digest.models import (
    SCHEMA_VERSION,
    FeedReading,
    FeedState,
    Run,
    SchemaVersion,
    Value,
)

EASTERN = ZoneInfo("America/New_York")
"""arXiv announces in US Eastern time."""

READY = (FeedState.FRESH, FeedState.EMPTY)
"""States in which a category has nothing more to announce on the day."""

SATURDAY = 5
"""As :meth:`datetime.date.weekday` counts."""


class FetchEvent(Value):
    """What invokes fetch: the schedule names its firing, a person sends ``{}`` or a backfill.

    ``date`` is the announcement date that a backfill rebuilds, and ``mail`` says whether its digest
    is mailed; no other firing takes them.
    """

    firing: Literal["night", "last", "late", "manual", "backfill"] = "manual"
    date: dt.date | None = None
    mail: bool = False

    @model_validator(mode="after")
    def _dated_by_a_backfill_only(self) -> FetchEvent:
        if self.firing == "backfill":
            if self.date is None:
                raise ValueError(
                    'a backfill needs the date to rebuild, such as "date": "2026-01-22"'
                )
        elif self.date is not None or self.mail:
            raise ValueError('"date" and "mail" belong to the firing "backfill"')
        return self


class DeadlineEvent(Value):
    """What invokes aggregate besides the stream: the deadline of a date, today's unless named.

    ``profile`` is one of many profiles, as a message names it; without it all of them are meant.
    In a message ``deadline`` says whether the schedule asked for it, or a person.
    """

    schema_version: SchemaVersion = SCHEMA_VERSION
    deadline: bool = True
    date: dt.date | None = None
    profile: str | None = None


DEADLINE = Stored("DeadlineEvent", TypeAdapter(DeadlineEvent))


class Action(StrEnum):
    """What a firing does with the feeds it read."""

    START = "start"
    WAIT = "wait"
    STORE = "store"


def action(event: FetchEvent, readings: Iterable[FeedReading], run_exists: bool) -> Action:
    """Decide what a firing does, given the readings judged for its date.

    ``wait`` stores as well what a stale feed holds that no run has read: the feed may be rebuilt
    before the run starts, and its papers would be gone.
    """
    if run_exists or event.firing == "late":
        return Action.STORE
    if event.firing == "night" and any(reading.state not in READY for reading in readings):
        return Action.WAIT
    return Action.START


def categories_to_read(categories: Iterable[str], run_feeds: Iterable[FeedReading]) -> list[str]:
    """The categories that a run of the date has not read whole and fresh, in profile order."""
    ready = {reading.category for reading in run_feeds if reading.state in READY}
    return [category for category in categories if category not in ready]


def eastern_date(moment: dt.datetime) -> dt.date:
    """The date in US Eastern time, which is how announcements are dated."""
    return moment.astimezone(EASTERN).date()


def run_is_due(day: dt.date) -> bool:
    """Whether the schedule has a run on a date in US Eastern time: arXiv rests on weekends."""
    return day.weekday() < SATURDAY


def days_before(day: dt.date, count: int) -> list[dt.date]:
    """The last ``count`` dates before a date on which a run was due, the newest first."""
    back = (day - dt.timedelta(days=number) for number in range(1, 2 * count + 3))
    return [date for date in back if run_is_due(date)][:count]


def refuse_unfinished(day: dt.date, today: dt.date) -> None:
    """Raise ``ValueError`` for a day that a backfill cannot rebuild, since it is not over.

    Both are dates in US Eastern time. Until a day is over its run belongs to the schedule, and its
    feeds may still change.
    """
    if day > today:
        raise ValueError(f"{day} is in the future; a backfill rebuilds a day that is over")
    if day == today:
        raise ValueError(
            f"{day} is not over in US Eastern time; a backfill rebuilds a day that is, and a firing"
            " by hand reads today's feeds"
        )


def came_to_nothing(run: Run) -> bool:
    """Whether a run has no papers since feeds could not be read: a backfill starts it over."""
    lacking = (FeedState.STALE, FeedState.CUT_OFF, FeedState.UNREACHABLE)
    return run.announced == 0 and any(reading.state in lacking for reading in run.feeds)


def newest(readings: Iterable[FeedReading], today: dt.date) -> dt.date:
    """The date that a firing by hand reads: that of the newest feed, or today's without any."""
    dates = [reading.date for reading in readings if reading.date is not None]
    return max(dates, default=today)
