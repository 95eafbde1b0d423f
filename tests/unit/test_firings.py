"""What a firing does with what it read."""

import datetime as dt
from itertools import combinations_with_replacement

import pytest
from pydantic import ValidationError

from arxiv_digest.firings import (
    Action,
    FetchEvent,
    action,
    categories_to_read,
    newest,
    refuse_unfinished,
    run_is_due,
)
from arxiv_digest.models import FeedReading, FeedState

DAY = dt.date(2026, 1, 22)
FIRINGS = ("night", "last", "late", "manual")
# No firing of these reads a late feed, which was stored for the next run, or an approximate one,
# which only a backfill makes.
READ = tuple(state for state in FeedState if state not in (FeedState.LATE, FeedState.APPROXIMATE))
NOT_READY = (FeedState.STALE, FeedState.CUT_OFF, FeedState.UNREACHABLE)


def readings(*states):
    return [FeedReading(category=f"cs.{n}", state=state) for n, state in enumerate(states)]


@pytest.mark.parametrize("states", list(combinations_with_replacement(READ, 2)))
@pytest.mark.parametrize(
    ("firing", "when_ready", "when_not"),
    [
        ("night", Action.START, Action.WAIT),
        ("last", Action.START, Action.START),
        ("late", Action.STORE, Action.STORE),
        ("manual", Action.START, Action.START),
    ],
)
def test_a_firing_without_a_run_starts_one_waits_or_stores(firing, when_ready, when_not, states):
    ready = not set(states) & set(NOT_READY)

    decided = action(FetchEvent(firing=firing), readings(*states), run_exists=False)

    assert decided is (when_ready if ready else when_not)


@pytest.mark.parametrize("state", READ)
@pytest.mark.parametrize("firing", FIRINGS)
def test_no_firing_starts_a_second_run_of_a_date(firing, state):
    assert action(FetchEvent(firing=firing), readings(state), run_exists=True) is Action.STORE


@pytest.mark.parametrize("position", range(4))
@pytest.mark.parametrize("state", NOT_READY)
def test_one_category_that_is_not_ready_holds_the_night_up_wherever_it_stands(state, position):
    states = [FeedState.FRESH, FeedState.EMPTY, FeedState.FRESH, FeedState.FRESH]
    states[position] = state

    assert action(FetchEvent(firing="night"), readings(*states), False) is Action.WAIT


def test_readings_may_be_given_one_by_one():
    given = iter(readings(FeedState.FRESH, FeedState.STALE))

    assert action(FetchEvent(firing="night"), given, False) is Action.WAIT


def test_a_person_invokes_with_an_empty_event():
    assert FetchEvent.model_validate({}).firing == "manual"


@pytest.mark.parametrize("firing", FIRINGS)
def test_the_schedule_names_its_firing(firing):
    assert FetchEvent.model_validate({"firing": firing}).firing == firing


@pytest.mark.parametrize(
    "event",
    [
        {"firing": "noon"},
        {"firing": None},
        {"firing": "LAST"},
        {"fireing": "last"},
        {"firing": "late", "date": "2026-01-22"},
        {"date": "2026-01-22"},
        {"firing": "night", "mail": True},
        {"firing": "backfill"},
        {"firing": "backfill", "mail": True},
        {"firing": "backfill", "date": "yesterday"},
        {"firing": "backfill", "date": "2026-02-30"},
        [],
        "night",
        None,
    ],
)
def test_an_event_that_is_not_understood_is_refused(event):
    with pytest.raises(ValidationError):
        FetchEvent.model_validate(event)


def test_a_backfill_names_its_date_and_mails_nobody_unless_told():
    event = FetchEvent.model_validate({"firing": "backfill", "date": "2026-01-22"})
    assert (event.date, event.mail) == (DAY, False)
    assert FetchEvent(firing="backfill", date=DAY, mail=True).mail


def test_a_backfill_is_of_a_day_that_is_over():
    refuse_unfinished(DAY, today=DAY + dt.timedelta(days=1))
    with pytest.raises(ValueError, match="2026-01-22 is not over in US Eastern time"):
        refuse_unfinished(DAY, today=DAY)
    with pytest.raises(ValueError, match="2026-01-22 is in the future"):
        refuse_unfinished(DAY, today=DAY - dt.timedelta(days=1))


def test_a_run_reads_again_only_what_it_did_not_read_whole():
    states = dict(zip("abcde", READ, strict=True))
    read = [FeedReading(category=f"cs.{letter}", state=state) for letter, state in states.items()]

    again = categories_to_read(["cs.e", "cs.d", "cs.c", "cs.b", "cs.a", "cs.new"], read)

    assert again == ["cs.e", "cs.d", "cs.c", "cs.new"]
    assert [states[category[-1]] for category in again[:3]] == list(reversed(NOT_READY))


def test_without_a_run_every_category_is_read_in_profile_order():
    assert categories_to_read(["cs.LG", "cs.AI", "cs.CV"], ()) == ["cs.LG", "cs.AI", "cs.CV"]


def test_a_category_that_left_the_profile_is_not_read():
    assert categories_to_read(["cs.CV"], [FeedReading(category="cs.LG", state="stale")]) == [
        "cs.CV"
    ]


@pytest.mark.parametrize("older_first", [True, False])
def test_a_firing_by_hand_reads_the_date_of_the_newest_feed(older_first):
    found = [
        FeedReading(category="cs.CV", state=FeedState.FRESH, date=DAY - dt.timedelta(days=1)),
        FeedReading(category="cs.LG", state=FeedState.FRESH, date=DAY),
        FeedReading(category="cs.AI", state=FeedState.UNREACHABLE),
    ]

    date = newest(found if older_first else reversed(found), today=DAY + dt.timedelta(days=2))

    assert date == DAY


@pytest.mark.parametrize("undated", [[], [FeedReading(category="cs.CV", state="unreachable")]])
def test_without_any_dated_feed_it_reads_today(undated):
    assert newest(undated, today=DAY) == DAY


def test_a_run_is_due_on_every_day_but_saturday_and_sunday():
    week = [dt.date(2026, 1, 19) + dt.timedelta(days=days) for days in range(7)]

    assert [f"{day:%a}" for day in week if not run_is_due(day)] == ["Sat", "Sun"]
