"""DynamoDB in memory: conditional writes, transactions, consistent reads, indexes that lag."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from tests.proof.expressions import Item, condition, updated
from workflow.tables import Table

MOST_IN_A_BATCH = 25


class ConditionalCheckFailedException(ClientError):
    """The item is not what the writer expects."""


class TransactionCanceledException(ClientError):
    """One part of a transaction could not be done, so nothing was."""


def _refused(operation: str) -> ConditionalCheckFailedException:
    code = "ConditionalCheckFailedException"
    error = {"Error": {"Code": code, "Message": "The conditional request failed"}}
    return ConditionalCheckFailedException(error, operation)  # type: ignore[arg-type]


class Stored:
    """The items of one table by key; `before` remembers what an index that lags may still show."""

    def __init__(self, table: Table) -> None:
        self.keys = table.key
        self.indexes = {index.name: index for index in table.indexes}
        self.items: dict[tuple[str, ...], Item] = {}
        self.before: dict[tuple[str, ...], tuple[float, Item | None]] = {}
        self.name = table.name

    def key(self, item: Item) -> tuple[str, ...]:
        return tuple(item[name]["S"] for name in self.keys)


class MemoryDynamoDB:
    """The client's operations that the product uses.

    `seconds` is the time; `lags` says whether an index shows an item as it was before its last change.
    `watch` is called after every change.
    """

    exceptions = SimpleNamespace(
        ConditionalCheckFailedException=ConditionalCheckFailedException,
        TransactionCanceledException=TransactionCanceledException,
    )

    def __init__(
        self,
        tables: Iterable[Stored],
        seconds: Callable[[], float] = lambda: 0.0,
        lags: Callable[[float], bool] = lambda _: False,
        watch: Callable[[], None] = lambda: None,
    ) -> None:
        self.tables = {table.name: table for table in tables}
        self._seconds, self._lags, self._watch = seconds, lags, watch

    def get_item(self, TableName: str, Key: Item, ConsistentRead: bool = False, **_: Any) -> Any:
        table = self.tables[TableName]
        key = table.key(Key)
        found = table.items.get(key) if ConsistentRead else self._seen(table, key)
        return {"Item": found} if found is not None else {}

    def put_item(self, TableName: str, Item: Item, **condition: Any) -> Any:
        table = self.tables[TableName]
        key = table.key(Item)
        self._check(table, key, condition, "PutItem")
        self._store(TableName, key, Item)
        return {}

    def update_item(
        self, TableName: str, Key: Item, UpdateExpression: str, ReturnValues: str = "", **rest: Any
    ) -> Any:
        table = self.tables[TableName]
        key = table.key(Key)
        self._check(table, key, rest, "UpdateItem")
        after = updated(table.items.get(key, Key), UpdateExpression, _given(rest))
        self._store(TableName, key, after)
        return {"Attributes": after} if ReturnValues == "ALL_NEW" else {}

    def delete_item(self, TableName: str, Key: Item, **condition: Any) -> Any:
        table = self.tables[TableName]
        key = table.key(Key)
        self._check(table, key, condition, "DeleteItem")
        self._store(TableName, key, None)
        return {}

    def transact_write_items(self, TransactItems: list[dict[str, Any]], **_: Any) -> Any:
        parts = [next(iter(part.items())) for part in TransactItems]
        reasons = [{"Code": "None" if self._allows(part) else "ConditionalCheckFailed"} for _, part in parts]
        if any(reason["Code"] != "None" for reason in reasons):
            error = {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"}
            answer = {"Error": error, "CancellationReasons": reasons}
            raise TransactionCanceledException(answer, "TransactWriteItems")  # type: ignore[arg-type]
        for kind, part in parts:
            if kind != "ConditionCheck":
                operation = {"Put": self.put_item, "Update": self.update_item, "Delete": self.delete_item}
                operation[kind](**part)
        return {}

    def batch_write_item(self, RequestItems: Mapping[str, list[Any]]) -> Any:
        if sum(map(len, RequestItems.values())) > MOST_IN_A_BATCH:
            error: Any = {"Code": "ValidationException", "Message": "Too many items requested"}
            raise ClientError({"Error": error}, "BatchWriteItem")
        for name, requests in RequestItems.items():
            for request in requests:
                self.put_item(name, **request["PutRequest"])
        return {}

    def batch_get_item(self, RequestItems: Mapping[str, Any]) -> Any:
        found = {
            name: [self.get_item(name, key).get("Item") for key in asked["Keys"]]
            for name, asked in RequestItems.items()
        }
        return {"Responses": {name: [item for item in items if item] for name, items in found.items()}}

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
        table, given = self.tables[TableName], _given(rest)
        index = table.indexes[IndexName] if IndexName else None
        keys = index.key if index else table.keys
        seen = [
            item
            for key in list(table.items)
            if (item := table.items.get(key) if ConsistentRead else self._seen(table, key)) is not None
        ]
        found = [item for item in seen if all(name in item for name in keys)]
        wanted = condition(KeyConditionExpression)
        found = [item for item in found if wanted(item, given)]
        found.sort(key=lambda item: tuple(item[name]["S"] for name in keys[1:]), reverse=not ScanIndexForward)
        if FilterExpression:
            found = [item for item in found if condition(FilterExpression)(item, given)]
        found = found[:Limit]
        if index and index.holds is not None:
            names = {*index.key, *table.keys, *index.others}
            found = [{name: value for name, value in item.items() if name in names} for item in found]
        return {"Items": found, "Count": len(found), "ScannedCount": len(found)}

    def get_paginator(self, operation: str) -> Any:
        def paginate(PaginationConfig: Any = None, **call: Any) -> Iterator[Any]:
            return iter([getattr(self, operation)(**call)])

        return SimpleNamespace(paginate=paginate)

    def _seen(self, table: Stored, key: tuple[str, ...]) -> Item | None:
        """An item as an eventually consistent reader sees it."""
        if key in table.before:
            changed_at, old = table.before[key]
            if self._lags(self._seconds() - changed_at):
                return old
        return table.items.get(key)

    def _check(self, table: Stored, key: tuple[str, ...], call: Mapping[str, Any], operation: str) -> None:
        text = call.get("ConditionExpression")
        if text and not condition(text)(table.items.get(key, {}), _given(call)):
            raise _refused(operation)

    def _allows(self, part: Mapping[str, Any]) -> bool:
        table = self.tables[part["TableName"]]
        key = table.key(part.get("Item") or part["Key"])
        text = part.get("ConditionExpression")
        return not text or condition(text)(table.items.get(key, {}), _given(part))

    def _store(self, name: str, key: tuple[str, ...], item: Item | None) -> None:
        table = self.tables[name]
        keys = [*table.keys, *(attribute for index in table.indexes.values() for attribute in index.key)]
        if empty := [
            attribute for attribute in keys if (item or {}).get(attribute) in ({"S": ""}, {"NULL": True})
        ]:
            error: Any = {"Code": "ValidationException", "Message": f"empty key attributes {empty}"}
            raise ClientError({"Error": error}, "PutItem")
        table.before[key] = (self._seconds(), table.items.get(key))
        if item is None:
            table.items.pop(key, None)
        else:
            table.items[key] = item
        self._watch()


def _given(call: Mapping[str, Any]) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    return call.get("ExpressionAttributeNames") or {}, call.get("ExpressionAttributeValues") or {}
