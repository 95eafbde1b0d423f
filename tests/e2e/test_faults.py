"""Every fault at every hop: the ledger is exact, everybody has one mail, the archive is whole.

The days are announced one after another and come to their ends side by side.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.chaos.days import Day
from tests.chaos.faults import FAULTS, Fault, finish, start
from tests.deployed import Deployed

# The first test waits until every day has begun.
pytestmark = pytest.mark.timeout(600)

FIRST = date(2026, 9, 1)


@pytest.fixture(scope="module")
def days(session_stack: Deployed) -> dict[str, Day | Exception]:
    """Each fault's day, started, or why it could not be."""
    session_stack.model.forget()
    started: dict[str, Day | Exception] = {}
    for number, fault in enumerate(FAULTS):
        day = Day.of(session_stack, FIRST + timedelta(number), fault.papers)
        try:
            start(fault, day)
            started[fault.id] = day
        except Exception as problem:
            started[fault.id] = problem
    return started


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_day_under_a_fault_is_exact(days: dict[str, Day | Exception], fault: Fault) -> None:
    day = days[fault.id]
    if isinstance(day, Exception):
        raise day
    finish(fault, day)
