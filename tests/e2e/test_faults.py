"""Every fault at every hop: the ledger is exact, everybody has one mail, the archive is whole."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from tests.chaos.days import Day
from tests.chaos.faults import FAULTS, Fault, finish, start_all
from tests.deployed import Deployed


@pytest.fixture(scope="module")
def days(session_stack: Deployed) -> dict[str, Future[Day]]:
    """Each fault's day, begun or about to begin."""
    session_stack.model.forget()
    return start_all(session_stack, FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_day_under_a_fault_is_exact(days: dict[str, Future[Day]], fault: Fault) -> None:
    finish(fault, days[fault.id].result())
