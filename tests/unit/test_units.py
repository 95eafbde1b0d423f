"""The units of requests, by AWS's rules and the examples of its documentation."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks.units import (
    item_bytes,
    read_units,
    sqs_requests,
    units_read,
    write_units,
    written_keys,
)

ONE = {"pk": {"S": "RUN#1"}, "sk": {"S": "RUN"}}
TWO = {"pk": {"S": "RUN#1"}, "sk": {"S": "DIGEST"}}


def an_item(size: int) -> dict[str, dict[str, str]]:
    """An item of so many bytes."""
    return {"text": {"S": "x" * (size - 4)}}


def test_an_item_has_the_bytes_of_its_names_and_values() -> None:
    # 2 + 3 for the key, 5 + 4 for the text, one character of which has two bytes.
    assert item_bytes({"pk": {"S": "RUN"}, "title": {"S": "Möe"}}) == 5 + 9


def test_a_list_has_three_bytes_and_one_for_each_of_its_values() -> None:
    names = {"L": [{"S": "theory"}, {"S": ""}]}
    assert item_bytes({"names": names}) == 5 + 3 + (1 + 6) + (1 + 0)


@pytest.mark.parametrize(
    ("number", "size"), [("7", 2), ("12", 2), ("123", 3), ("-1500", 2), ("0.25", 2)]
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
    # Nothing, an item of 3.5 KB, one of 10 KB, ten of 40.8 KB together.
    [(0, 1), (3584, 1), (10 * 1024, 3), (41_779, 11)],
)
def test_a_read_takes_a_unit_for_each_started_four_kilobytes(size: int, units: int) -> None:
    assert read_units(size) == units
    assert read_units(size, consistent=False) == units / 2


@pytest.mark.parametrize(("payload", "requests"), [(0, 1), (65_536, 1), (65_537, 2), (262_144, 4)])
def test_a_call_of_sqs_is_billed_by_the_size_of_its_messages(payload: int, requests: int) -> None:
    assert sqs_requests(payload) == requests


@pytest.mark.parametrize(
    ("operation", "asked", "keys"),
    [
        ("PutItem", {"Item": {**ONE, "more": {"N": "1"}}}, [ONE]),
        ("DeleteItem", {"Key": ONE}, [ONE]),
        (
            "BatchWriteItem",
            {"RequestItems": {"runs": [{"PutRequest": {"Item": item}} for item in (ONE, TWO)]}},
            [ONE, TWO],
        ),
        (
            "TransactWriteItems",
            {"TransactItems": [{"ConditionCheck": {"Key": ONE}}, {"Put": {"Item": TWO}}]},
            [ONE, TWO],
        ),
        ("Query", {"KeyConditionExpression": "pk = :pk"}, []),
    ],
)
def test_a_request_writes_what_it_puts_deletes_or_checks(
    operation: str, asked: dict[str, Any], keys: list[Any]
) -> None:
    assert written_keys(operation, asked, "runs") == keys


def test_a_query_is_billed_for_all_of_its_items_together() -> None:
    answer = {"Items": [an_item(2000), an_item(3000)]}
    assert units_read("Query", {"ConsistentRead": True}, answer, "runs") == 2
    assert units_read("Query", {}, answer, "runs") == 1


def test_a_batch_is_billed_for_each_of_its_keys() -> None:
    asked = {"RequestItems": {"runs": {"Keys": [{}, {}, {}], "ConsistentRead": True}}}
    # Items of 1.5 KB and 6.5 KB are read as 4 KB and 8 KB, and one that is not there as 4 KB.
    answer = {"Responses": {"runs": [an_item(1536), an_item(6656)]}}
    assert units_read("BatchGetItem", asked, answer, "runs") == 3 + 1


def test_an_item_that_is_not_there_is_billed_as_a_small_one() -> None:
    assert units_read("GetItem", {"ConsistentRead": True}, {}, "runs") == 1


def test_a_request_of_unknown_units_is_refused() -> None:
    with pytest.raises(ValueError, match="Scan"):
        units_read("Scan", {}, {}, "runs")
