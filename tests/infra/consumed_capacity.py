"""The capacity units that calls of DynamoDB consume, from the sizes of the items in memory."""

import math
from collections.abc import Mapping
from typing import Any

from tests.proof.dynamodb import InMemoryDynamoDB, InMemoryTable
from tests.proof.expressions import Item
from workflow.tables import Index

WRITE_KB, READ_KB = 1024, 4096


class CapacityMeter:
    """A client of a DynamoDB in memory that adds up the units of its calls.

    A write takes a unit for each KB of the larger item, also in each index whose entry changes. A new key in
    an index deletes one entry and puts another. A transaction takes twice as much.
    """

    def __init__(self, dynamodb: InMemoryDynamoDB) -> None:
        self.units: dict[str, float] = {"table write": 0.0, "table read": 0.0}
        self._dynamodb, self._store, self._factor = dynamodb, dynamodb._store, 1
        dynamodb._store = self._store_and_count  # type: ignore[method-assign]

    def call(self, operation: str, request: Mapping[str, Any]) -> Any:
        self._factor = 2 if operation == "transact_write_items" else 1
        answer = getattr(self._dynamodb, operation)(**request)
        if operation in ("get_item", "query"):
            items = answer["Items"] if operation == "query" else [answer.get("Item", {})]
            share = 1.0 if request.get("ConsistentRead") else 0.5
            self.units["table read"] += share * max(1, math.ceil(sum(map(item_size, items)) / READ_KB))
        elif operation == "batch_get_item":
            for items in answer["Responses"].values():
                self.units["table read"] += sum(0.5 * math.ceil(item_size(item) / READ_KB) for item in items)
        return answer

    def _store_and_count(self, name: str, key: tuple[str, ...], item: Item | None) -> None:
        table = self._dynamodb.tables[name]
        before = table.items.get(key)
        self._store(name, key, item)
        self.units["table write"] += self._factor * _write_units(table, before, item)


def _write_units(table: InMemoryTable, before: Item | None, after: Item | None) -> int:
    units = max(_kilobytes(before), _kilobytes(after), 1)
    for index in table.indexes.values():
        old, new = (_project(item, index, table.keys) for item in (before, after))
        if old == new:
            continue
        same_key = old and new and all(old[name] == new[name] for name in index.key)
        sizes = (_kilobytes(old), _kilobytes(new))
        units += max(sizes) if same_key else sum(sizes)
    return units


def _project(item: Item | None, index: Index, keys: tuple[str, ...]) -> Item | None:
    """Return the entry of an item in an index, or None."""
    if item is None or any(name not in item for name in index.key):
        return None
    if index.projected_attributes is None:
        return item
    names = {*index.key, *keys, *index.non_key_attributes}
    return {name: value for name, value in item.items() if name in names}


def _kilobytes(item: Item | None) -> int:
    return math.ceil(item_size(item) / WRITE_KB) if item else 0


def item_size(item: Item) -> int:
    """Return the size of an item in bytes, as DynamoDB counts it."""
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return len(content.strip("0.-").replace(".", "")) // 2 + 2
        case "B":
            return len(content)
        case "SS":
            return sum(len(text.encode()) for text in content)
        case "M":
            return 3 + len(content) + item_size(content)
        case "L":
            return 3 + sum(1 + _value_size(inner) for inner in content)
        case _:
            return 1
