"""Every fault at every hop: the ledger is exact, everybody has one mail, the archive is whole."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from tests.chaos.days import Row
from tests.chaos.faults import FAULTS, Fault, pass_all
from tests.deployed import Deployed

# The first test waits for the stack, and one may wait for days that come before its own.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def accounts(session_stack: Deployed) -> dict[str, Future[Row]]:
    """The account of each fault's day, come to its end or on the way there."""
    session_stack.model.forget()
    return pass_all(session_stack, FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_day_under_a_fault_is_exact(accounts: dict[str, Future[Row]], fault: Fault) -> None:
    assert accounts[fault.id].result().announced == fault.papers
