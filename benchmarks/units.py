"""The units that AWS bills requests by, from request and answer as they are sent."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

READ_BYTES = 4 * 1024
WRITE_BYTES = 1024
ITEM_OVERHEAD = 100
"""Bytes that DynamoDB adds to each item that it stores."""
SQS_BYTES = 64 * 1024
"""Bytes of messages that are billed as one request."""

LIST_OVERHEAD, VALUE_OVERHEAD = 3, 1
"""Bytes that a list takes beside its values, and each of these beside itself."""

Item = Mapping[str, Mapping[str, Any]]
"""An item of a table as it is sent: kind and content of each value, by name."""


def item_bytes(item: Item) -> int:
    """The size of an item by DynamoDB's rule, from its strings, numbers and lists of them.

    >>> item_bytes({"pk": {"S": "RUN"}, "remaining": {"N": "12"}})
    16
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: Mapping[str, Any]) -> int:
    [(kind, text)] = value.items()
    if kind == "S":
        return len(text.encode())
    if kind == "L":
        return LIST_OVERHEAD + sum(VALUE_OVERHEAD + _value_bytes(one) for one in text)
    if kind == "N":
        significant = text.lstrip("-").replace(".", "").strip("0")
        return ceil(len(significant) / 2) + 1
    raise ValueError(f"the table has strings, numbers and lists of them, and no {kind}")


def write_units(size: int, *, transaction: bool = False) -> int:
    """Units to write or delete an item: one a started KB, twice as many in a transaction.

    ``size`` is the larger of the item's sizes before and after.

    >>> write_units(1025), write_units(1025, transaction=True)
    (2, 4)
    """
    return max(1, ceil(size / WRITE_BYTES)) * (2 if transaction else 1)


def read_units(size: int, *, consistent: bool = True) -> float:
    """Units to read an item, or a page of a query: one a started 4 KB, else half as many.

    What is not there costs as much as the smallest item.

    >>> read_units(4097), read_units(4097, consistent=False)
    (2, 1.0)
    """
    units = max(1, ceil(size / READ_BYTES))
    return units if consistent else units / 2


def sqs_requests(payload: int) -> int:
    """The requests that one call is billed as: one a started 64 KB of its messages."""
    return max(1, ceil(payload / SQS_BYTES))


def written_keys(operation: str, asked: Mapping[str, Any], table: str) -> list[dict[str, Any]]:
    """The keys of the items that a request writes or deletes, or that a transaction checks."""
    match operation:
        case "PutItem":
            written = [asked["Item"]]
        case "DeleteItem":
            written = [asked["Key"]]
        case "BatchWriteItem":
            written = [write["PutRequest"]["Item"] for write in asked["RequestItems"][table]]
        case "TransactWriteItems":
            kinds = [kind for write in asked["TransactItems"] for kind in write.values()]
            written = [kind.get("Item") or kind["Key"] for kind in kinds]
        case _:
            written = []
    return [{name: item[name] for name in ("pk", "sk")} for item in written]


def units_read(
    operation: str, asked: Mapping[str, Any], answer: Mapping[str, Any], table: str
) -> float:
    match operation:
        case "GetItem":
            sizes = [item_bytes(answer.get("Item", {}))]
        case "Query":
            sizes = [sum(map(item_bytes, answer["Items"]))]
        case "BatchGetItem":
            asked, found = asked["RequestItems"][table], answer["Responses"][table]
            sizes = [*map(item_bytes, found), *[0] * (len(asked["Keys"]) - len(found))]
        case _:
            raise ValueError(f"nobody knows the units of {operation}")
    consistent = asked.get("ConsistentRead", False)
    return sum(read_units(size, consistent=consistent) for size in sizes)
