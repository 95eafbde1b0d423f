"""Usage as dollars, by hand from the list prices."""

from __future__ import annotations

import pytest

from benchmarks.prices import at, cost, stored


def test_what_is_kept_for_a_while_stops_growing() -> None:
    # Half of the days write 10 bytes for 20 days, and 1 byte for good.
    assert stored([(10, 20), (1, None)], days=100, a_month=15) == (200 + 100) / 2


def test_usage_grows_by_what_each_reader_adds() -> None:
    one, eleven = {"mails": 22.0, "secrets": 1.0}, {"mails": 242.0, "secrets": 1.0}
    assert at(one, eleven, 100, of=11) == {"mails": 2200.0, "secrets": 1.0}
    assert at(one, eleven, 1, of=11) == one


def test_a_month_is_paid_for_by_its_usage() -> None:
    usage = {"write units": 2e6, "read units": 4e6, "mails": 500.0, "logs": 7.0}
    # 2 x 0.625 + 4 x 0.125; 0.5 x 0.16; 7 x 0.50.
    assert cost(usage) == pytest.approx({"DynamoDB": 1.75, "SES": 0.08, "CloudWatch": 3.50})


def test_what_is_always_free_is_not_paid_for() -> None:
    usage = {"lambda time": 400_100.0, "lambda requests": 900.0, "sqs requests": 999_999.0}
    # 100 GB-seconds are over the free ones.
    assert cost(usage, free=True) == pytest.approx({"Lambda": 0.00133334, "SQS": 0.0})


def test_usage_without_a_price_is_refused() -> None:
    with pytest.raises(KeyError):
        cost({"coffee": 1.0})
