"""What moto does anew for each request, done once: the tests spent half their time on it.

What moto answers stays as it is, which ``test_moto_once.py`` holds it to.
"""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import moto.core.responses
from moto.core.base_backend import BaseBackend
from moto.core.serialize import BaseJSONSerializer
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table

_urls = BaseBackend.urls.fget
_update_item = DynamoDBBackend.update_item
_serialize_structure = BaseJSONSerializer._serialize_type_structure


def install() -> None:
    """Put these in place of moto's own."""
    moto.core.responses.method_names_from_class = cache(moto.core.responses.method_names_from_class)
    BaseBackend.urls = property(_urls_once)
    Table.__deepcopy__ = _deepcopy_of_table
    DynamoDBBackend.update_item = _update_of_a_copy
    BaseJSONSerializer._serialize_type_structure = _serialize_values_as_they_are


_urls_by_kind: dict[type[BaseBackend], Any] = {}


def _urls_once(backend: BaseBackend) -> Any:
    # They depend on the kind of service alone, yet S3's module is imported anew to tell them.
    kind = type(backend)
    if kind not in _urls_by_kind:
        _urls_by_kind[kind] = _urls(backend)
    return _urls_by_kind[kind]


def _deepcopy_of_table(table: Table, _: dict[int, Any]) -> Table:
    # A transaction keeps a copy of the table, to go back to where it fails. It may share the items
    # with it, since whoever changes one puts another in its place: updates too, as seen below.
    kept = copy.copy(table)
    kept.items = table.items.copy()
    for partition, items in table.items.items():
        kept.items[partition] = items.copy()
    return kept


def _update_of_a_copy(
    backend: DynamoDBBackend, table_name: str, key: dict[str, Any], *rest: Any, **named: Any
) -> Any:
    table = backend.get_table(table_name)
    names = backend.get_keys_value(table, key)
    item = table.get_item(*names)
    if item is not None:
        table.items[names[0]][names[1]] = copy.deepcopy(item)
    return _update_item(backend, table_name, key, *rest, **named)


def _serialize_values_as_they_are(
    serializer: BaseJSONSerializer, serialized: Any, value: Any, shape: Any, key: str
) -> None:
    # An attribute of an item is of one type of ten, and moto looks for each by several names.
    if shape.name == "AttributeValue" and type(value) is dict and len(value) == 1:
        [(kind, content)] = value.items()
        if (kind in ("S", "N") and type(content) is str) or kind == "BOOL":
            serializer._default_serialize(serialized, {kind: content}, shape, key)
            return
    _serialize_structure(serializer, serialized, value, shape, key)
