"""Lists and counts of inspections on DynamoDB, by the indexes of the inspections table."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from workflow import timestamps
from workflow.aws.batches import MAX_KEYS_PER_BATCH, load_inspections
from workflow.aws.clients import client
from workflow.aws.items import ITEM_KIND, from_inspection_item, to_attribute_values
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.repository import MAX_NAME_MATCHES


class DynamoInspectionQueries:
    """Implements workflow.inspections.repository.InspectionQueries."""

    def __init__(self, table: str, dynamodb: Any = None) -> None:
        self._table, self._dynamodb = table, dynamodb or client("dynamodb")

    def list_by_state(self, state: InspectionState) -> Iterator[Inspection]:
        return self._query("by_state", "state", state)

    def list_by_id(self, after: str = "") -> Iterator[Inspection]:
        ids = (item["id"]["S"] for item in self._query_items("by_id", "kind", ITEM_KIND, after=after))
        while batch := list(islice(ids, MAX_KEYS_PER_BATCH)):
            rows = load_inspections(self._dynamodb, self._table, batch)
            yield from (rows[row_id] for row_id in batch if row_id in rows)

    def get_oldest(self, state: InspectionState) -> Inspection | None:
        return next(self._query("by_state", "state", state, page_size=1), None)

    def count_recent(self, state: InspectionState, since: str, limit: int) -> int:
        answers = self._query_oldest("count_by_state", state, since, limit, Select="COUNT")
        return sum(int(answer["Count"]) for answer in answers)

    def list_decided(self, limit: int) -> Iterator[Inspection]:
        condition = "attribute_exists(decision.decided_at)"
        options = {"FilterExpression": condition}
        for answer in self._query_oldest("by_state", InspectionState.WAITING, "0", limit, **options):
            yield from map(from_inspection_item, answer["Items"])

    def _query_oldest(
        self, index: str, state: InspectionState, since: str, limit: int, **options: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield answers about the first `limit` rows of a state, oldest first."""
        scanned, start = 0, dict[str, Any]()
        while scanned < limit:  # A page ends at a megabyte of rows, regardless of Limit.
            answer = self._dynamodb.query(
                TableName=self._table,
                IndexName=index,
                KeyConditionExpression="#state = :state AND #claimed_at >= :since",
                ExpressionAttributeNames={"#state": "state", "#claimed_at": "claimed_at"},
                ExpressionAttributeValues=to_attribute_values({":state": state, ":since": since}),
                Limit=limit - scanned,
                **options,
                **start,
            )
            yield answer
            scanned += int(answer["ScannedCount"])
            if "LastEvaluatedKey" not in answer:
                return
            start = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def list_newest(self, limit: int) -> list[Inspection]:
        rows: list[Inspection] = []
        oldest = min(
            (row.claimed_at for state in InspectionState if (row := self.get_oldest(state))), default=""
        )
        day = timestamps.now()[:10]
        while oldest and oldest[:10] <= day and len(rows) < limit:
            missing = limit - len(rows)
            rows += islice(self._query("by_day", "day", day, forward=False, page_size=missing), missing)
            day = timestamps.add_seconds(f"{day}T00:00:00Z", -1)[:10]
        return rows

    def list_by_name(self, name: str, limit: int = MAX_NAME_MATCHES, until: str = "") -> list[Inspection]:
        rows = self._query("by_name", "name", name, forward=False, page_size=limit, until=until)
        return list(islice(rows, limit))

    def _query(
        self,
        index: str,
        key: str,
        value: str,
        forward: bool = True,
        page_size: int = 1000,
        until: str = "",
    ) -> Iterator[Inspection]:
        items = self._query_items(index, key, value, forward=forward, page_size=page_size, until=until)
        return map(from_inspection_item, items)

    def _query_items(
        self,
        index: str,
        key: str,
        value: str,
        *,
        forward: bool = True,
        page_size: int = 1000,
        until: str = "",
        after: str = "",
    ) -> Iterator[dict[str, Any]]:
        """Yield the items under one key of an index: claimed until a time, or with an id after this one."""
        names, values, condition = {"#key": key}, {":value": value}, "#key = :value"
        for name, operator, bound in (("claimed_at", "<=", until), ("id", ">", after)):
            if bound:
                condition += f" AND #{name} {operator} :bound"
                names[f"#{name}"], values[":bound"] = name, bound
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            IndexName=index,
            KeyConditionExpression=condition,
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=to_attribute_values(values),
            ScanIndexForward=forward,
            PaginationConfig={"PageSize": page_size},
        )
        for answer in pages:
            yield from answer["Items"]
