"""AWS's units by the examples of its documentation, and usage as dollars."""

from __future__ import annotations

import pytest

from benchmarks.prices import cost, item_bytes, read_units, sqs_requests, stored, write_units


def test_an_item_has_the_bytes_of_its_names_and_values() -> None:
    # 2 + 3 for the key, 5 + 4 for the text (one character of which has two bytes).
    assert item_bytes({"pk": {"S": "RUN"}, "title": {"S": "Möe"}}) == 5 + 9


@pytest.mark.parametrize(
    ("number", "size"), [("0", 1), ("7", 2), ("12", 2), ("123", 3), ("-1500", 2), ("0.25", 2)]
)
def test_a_number_has_a_byte_for_two_significant_digits_and_one_more(
    number: str, size: int
) -> None:
    assert item_bytes({"n": {"N": number}}) == 1 + size


def test_an_item_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="no BOOL"):
        item_bytes({"n": {"BOOL": "true"}})


@pytest.mark.parametrize(("size", "units"), [(0, 1), (1, 1), (1024, 1), (1025, 2), (3 * 1024, 3)])
def test_a_write_takes_a_unit_for_each_started_kilobyte(size: int, units: int) -> None:
    assert write_units(size) == units
    assert write_units(size, transaction=True) == 2 * units


@pytest.mark.parametrize(
    ("size", "units"),
    # An item of 3.5 KB, one of 10 KB, ten items of 40.8 KB together, and none.
    [(3584, 1), (10 * 1024, 3), (41_779, 11), (0, 1)],
)
def test_a_read_takes_a_unit_for_each_started_four_kilobytes(size: int, units: int) -> None:
    assert read_units(size) == units
    assert read_units(size, consistent=False) == units / 2


@pytest.mark.parametrize(("payload", "requests"), [(0, 1), (65_536, 1), (65_537, 2), (262_144, 4)])
def test_a_message_is_billed_by_its_size(payload: int, requests: int) -> None:
    assert sqs_requests(payload) == requests


def test_what_is_kept_for_a_while_stops_growing() -> None:
    # Half of the days write 10 bytes for 20 days, and 1 byte for good.
    assert stored([(10, 20), (1, None)], days=100, a_month=15) == (200 + 100) / 2


def test_a_month_is_paid_for_by_its_usage() -> None:
    usage = {"write units": 2e6, "read units": 4e6, "mails": 500.0, "logs": 7.0}
    # 2 x 0.625 + 4 x 0.125; 0.5 x 0.16; 7 x 0.50.
    assert cost(usage) == pytest.approx({"DynamoDB": 1.75, "SES": 0.08, "CloudWatch": 3.50})


def test_what_is_always_free_is_not_paid_for() -> None:
    usage = {"lambda time": 400_100.0, "lambda requests": 900.0, "sqs requests": 999_999.0}
    dollars = cost(usage, free=True)
    assert dollars == pytest.approx({"Lambda": 100 * 0.0000133334, "SQS": 0.0})


def test_usage_without_a_price_is_refused() -> None:
    with pytest.raises(KeyError):
        cost({"coffee": 1.0})
