"""Every fault at every hop: the ledger is exact, everybody has one mail, the archive is whole."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from tests.chaos.days import Row
from tests.chaos.faults import FAULTS, Fault


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.id)
def test_a_day_under_a_fault_is_exact(
    days_under_faults: Future[dict[str, Future[Row]]], fault: Fault
) -> None:
    accounts = days_under_faults.result()
    assert accounts[fault.id].result().announced == fault.papers
