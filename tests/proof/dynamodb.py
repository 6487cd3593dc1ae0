"""In-memory DynamoDB: conditional writes, transactions, consistent reads and stale indexes."""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from tests.proof.expressions import Item, apply_update, parse_condition
from workflow.tables import Table

MAX_BATCH_ITEMS = 25


class ConditionalCheckFailedException(ClientError):
    """A failed condition of a single write."""


class TransactionCanceledException(ClientError):
    """A cancelled transaction: one part failed, so no part was applied."""


def _condition_failed(operation: str) -> ConditionalCheckFailedException:
    code = "ConditionalCheckFailedException"
    error = {"Error": {"Code": code, "Message": "The conditional request failed"}}
    return ConditionalCheckFailedException(error, operation)  # type: ignore[arg-type]


def _never(_age: float) -> bool:
    return False


def _atomic(write: Callable[..., Any]) -> Callable[..., Any]:
    """Return a write that no other thread's write interrupts."""

    @wraps(write)
    def locked(self: "InMemoryDynamoDB", *arguments: Any, **named: Any) -> Any:
        with self.lock:
            return write(self, *arguments, **named)

    return locked


class InMemoryTable:
    """The items of one table by key. `previous` holds each item as a stale index may still show it."""

    def __init__(self, table: Table) -> None:
        self.keys = table.key
        self.indexes = {index.name: index for index in table.indexes}
        self.items: dict[tuple[str, ...], Item] = {}
        self.previous: dict[tuple[str, ...], tuple[float, Item | None]] = {}
        self.name = table.name

    def key(self, item: Item) -> tuple[str, ...]:
        """Return an item's key values."""
        return tuple(item[name]["S"] for name in self.keys)


class InMemoryDynamoDB:
    """The operations of a DynamoDB client that the product uses.

    `now_seconds` returns the time. `is_index_stale` takes the seconds since an item's last write and returns
    whether an index still shows the previous item. `on_write` is called after every write.
    A query returns at most `page_size` items at once, as AWS does at a megabyte.
    """

    page_size = 1_000_000

    exceptions = SimpleNamespace(
        ConditionalCheckFailedException=ConditionalCheckFailedException,
        TransactionCanceledException=TransactionCanceledException,
    )

    def __init__(
        self,
        tables: Iterable[InMemoryTable],
        now_seconds: Callable[[], float] = lambda: 0.0,
        is_index_stale: Callable[[float], bool] = _never,
        on_write: Callable[[], None] = lambda: None,
    ) -> None:
        self.tables = {table.name: table for table in tables}
        self.lock = threading.RLock()
        self._now_seconds, self._is_index_stale, self._on_write = now_seconds, is_index_stale, on_write

    def get_item(self, TableName: str, Key: Item, ConsistentRead: bool = False, **_: Any) -> Any:
        table = self.tables[TableName]
        key = table.key(Key)
        item = table.items.get(key) if ConsistentRead else self._read_stale(table, key)
        return {"Item": item} if item is not None else {}

    @_atomic
    def put_item(self, TableName: str, Item: Item, **rest: Any) -> Any:
        table = self.tables[TableName]
        key = table.key(Item)
        self._check(table, key, rest, "PutItem")
        self._store(TableName, key, Item)
        return {}

    @_atomic
    def update_item(
        self, TableName: str, Key: Item, UpdateExpression: str, ReturnValues: str = "", **rest: Any
    ) -> Any:
        table = self.tables[TableName]
        key = table.key(Key)
        self._check(table, key, rest, "UpdateItem")
        after = apply_update(table.items.get(key, Key), UpdateExpression, _placeholders(rest))
        self._store(TableName, key, after)
        return {"Attributes": after} if ReturnValues == "ALL_NEW" else {}

    @_atomic
    def delete_item(self, TableName: str, Key: Item, **rest: Any) -> Any:
        table = self.tables[TableName]
        key = table.key(Key)
        self._check(table, key, rest, "DeleteItem")
        self._store(TableName, key, None)
        return {}

    @_atomic
    def transact_write_items(self, TransactItems: list[dict[str, Any]], **_: Any) -> Any:
        parts = [next(iter(part.items())) for part in TransactItems]
        reasons = [
            {"Code": "None" if self._condition_holds(part) else "ConditionalCheckFailed"} for _, part in parts
        ]
        if any(reason["Code"] != "None" for reason in reasons):
            error = {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"}
            response = {"Error": error, "CancellationReasons": reasons}
            raise TransactionCanceledException(response, "TransactWriteItems")  # type: ignore[arg-type]
        for kind, part in parts:
            if kind != "ConditionCheck":
                operations: dict[str, Any] = {
                    "Put": self.put_item,
                    "Update": self.update_item,
                    "Delete": self.delete_item,
                }
                operations[kind](**part)
        return {}

    def batch_write_item(self, RequestItems: Mapping[str, list[Any]]) -> Any:
        if sum(map(len, RequestItems.values())) > MAX_BATCH_ITEMS:
            error: Any = {"Code": "ValidationException", "Message": "Too many items requested"}
            raise ClientError({"Error": error}, "BatchWriteItem")
        for name, requests in RequestItems.items():
            for request in requests:
                self.put_item(name, **request["PutRequest"])
        return {}

    def batch_get_item(self, RequestItems: Mapping[str, Any]) -> Any:
        items_by_table = {
            name: [self.get_item(name, key).get("Item") for key in request["Keys"]]
            for name, request in RequestItems.items()
        }
        return {
            "Responses": {name: [item for item in items if item] for name, items in items_by_table.items()}
        }

    def query(
        self,
        TableName: str,
        KeyConditionExpression: str,
        IndexName: str = "",
        FilterExpression: str = "",
        ScanIndexForward: bool = True,
        ConsistentRead: bool = False,
        Limit: int = 1_000_000,
        **rest: Any,
    ) -> Any:
        table, placeholders = self.tables[TableName], _placeholders(rest)
        index = table.indexes[IndexName] if IndexName else None
        keys = index.key if index else table.keys
        partition, _, value, *_ = KeyConditionExpression.split()  # `partition = :value`, and more.
        partition, value = placeholders[0].get(partition, partition), placeholders[1][value]
        items = [item for item in self._read_all(table, ConsistentRead) if item.get(partition) == value]
        items = [item for item in items if all(name in item for name in keys)]
        key_condition = parse_condition(KeyConditionExpression)
        items = [item for item in items if key_condition(item, placeholders)]

        def position(item: Item) -> tuple[str, ...]:
            return tuple(item[name]["S"] for name in (*keys[1:], *table.keys))

        items.sort(key=position, reverse=not ScanIndexForward)
        if start := rest.get("ExclusiveStartKey"):
            last = position(start)
            items = [
                item
                for item in items
                if position(item) != last and (position(item) > last) == ScanIndexForward
            ]
        is_last, items = len(items) <= min(Limit, self.page_size), items[: min(Limit, self.page_size)]
        answer: dict[str, Any] = {"ScannedCount": len(items)}
        if not is_last:
            answer["LastEvaluatedKey"] = {name: items[-1][name] for name in (*keys, *table.keys)}
        if FilterExpression:
            items = [item for item in items if parse_condition(FilterExpression)(item, placeholders)]
        if index and index.projected_attributes is not None:
            names = {*index.key, *table.keys, *index.non_key_attributes}
            items = [{name: value for name, value in item.items() if name in names} for item in items]
        return {**answer, "Items": items, "Count": len(items)}

    def get_paginator(self, operation: str) -> Any:
        def paginate(PaginationConfig: Any = None, **call: Any) -> Iterator[Any]:
            if PaginationConfig:
                call["Limit"] = PaginationConfig["PageSize"]
            while True:
                answer = getattr(self, operation)(**call)
                yield answer
                if "LastEvaluatedKey" not in answer:
                    return
                call["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

        return SimpleNamespace(paginate=paginate)

    def _read_all(self, table: InMemoryTable, consistently: bool) -> list[Item]:
        """Return every item of a table, as a consistent or as an eventually consistent read may see it."""
        if consistently or self._is_index_stale is _never:
            return list(table.items.values())
        read = (self._read_stale(table, key) for key in list(table.items))
        return [item for item in read if item is not None]

    def _read_stale(self, table: InMemoryTable, key: tuple[str, ...]) -> Item | None:
        """Return an item as an eventually consistent read may see it."""
        if key in table.previous:
            written_at, previous = table.previous[key]
            if self._is_index_stale(self._now_seconds() - written_at):
                return previous
        return table.items.get(key)

    def _check(
        self, table: InMemoryTable, key: tuple[str, ...], call: Mapping[str, Any], operation: str
    ) -> None:
        text = call.get("ConditionExpression")
        if text and not parse_condition(text)(table.items.get(key, {}), _placeholders(call)):
            raise _condition_failed(operation)

    def _condition_holds(self, part: Mapping[str, Any]) -> bool:
        table = self.tables[part["TableName"]]
        key = table.key(part.get("Item") or part["Key"])
        text = part.get("ConditionExpression")
        return not text or parse_condition(text)(table.items.get(key, {}), _placeholders(part))

    def _store(self, name: str, key: tuple[str, ...], item: Item | None) -> None:
        table = self.tables[name]
        keys = [*table.keys, *(attribute for index in table.indexes.values() for attribute in index.key)]
        if empty := [
            attribute for attribute in keys if (item or {}).get(attribute) in ({"S": ""}, {"NULL": True})
        ]:
            error: Any = {"Code": "ValidationException", "Message": f"empty key attributes {empty}"}
            raise ClientError({"Error": error}, "PutItem")
        table.previous[key] = (self._now_seconds(), table.items.get(key))
        if item is None:
            table.items.pop(key, None)
        else:
            table.items[key] = item
        self._on_write()


def _placeholders(call: Mapping[str, Any]) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    return call.get("ExpressionAttributeNames") or {}, call.get("ExpressionAttributeValues") or {}
