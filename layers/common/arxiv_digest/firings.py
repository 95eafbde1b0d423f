"""What a firing of fetch does with what it read: start the run, wait, or store for the next run.

The feeds are rebuilt at midnight US Eastern, one category later than another, and the schedule
fires several times. The first firing that finds every category whole and of the day starts the
run; the last one of the night starts it with what is there; the late ones, at noon and in the
evening, only store.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Literal

from arxiv_digest.models import FeedReading, FeedState, Value

READY = (FeedState.FRESH, FeedState.EMPTY)
"""States in which a category has nothing more to announce on the day."""

SATURDAY = 5
"""As :meth:`datetime.date.weekday` counts."""


class FetchEvent(Value):
    """What invokes fetch: the schedule names its firing, a person sends ``{}``."""

    firing: Literal["night", "last", "late", "manual"] = "manual"


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


def run_is_due(day: date) -> bool:
    """Whether the schedule has a run on a date in US Eastern time: arXiv rests on weekends."""
    return day.weekday() < SATURDAY


def newest(readings: Iterable[FeedReading], today: date) -> date:
    """The date that a firing by hand reads: that of the newest feed, or today's without any."""
    dates = [reading.date for reading in readings if reading.date is not None]
    return max(dates, default=today)
