"""Lists and counts of inspections on DynamoDB, by the indexes of the inspections table."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.items import from_inspection_item, to_attribute_values
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.repository import MAX_NAME_MATCHES


class DynamoInspectionQueries:
    """Implements workflow.inspections.repository.InspectionQueries."""

    def __init__(self, table: str, dynamodb: Any = None) -> None:
        self._table, self._dynamodb = table, dynamodb or client("dynamodb")

    def list_by_state(self, state: InspectionState) -> Iterator[Inspection]:
        return self._query("by_state", "state", state)

    def get_oldest(self, state: InspectionState) -> Inspection | None:
        return next(self._query("by_state", "state", state, page_size=1), None)

    def count_recent(self, state: InspectionState, since: str, limit: int) -> int:
        return sum(int(answer["Count"]) for answer in self._query_oldest(state, since, limit, Select="COUNT"))

    def list_decided(self, limit: int) -> Iterator[Inspection]:
        condition = "attribute_exists(decision.decided_at)"
        for answer in self._query_oldest(InspectionState.WAITING, "0", limit, FilterExpression=condition):
            yield from map(from_inspection_item, answer["Items"])

    def _query_oldest(
        self, state: InspectionState, since: str, limit: int, **options: Any
    ) -> Iterator[dict[str, Any]]:
        """Yield answers about the first `limit` rows of a state, oldest first."""
        scanned, start = 0, dict[str, Any]()
        while scanned < limit:  # A page ends at a megabyte of rows, regardless of Limit.
            answer = self._dynamodb.query(
                TableName=self._table,
                IndexName="by_state",
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
        names, values, condition = {"#key": key}, {":value": value}, "#key = :value"
        if until:
            condition += " AND #claimed_at <= :until"
            names["#claimed_at"], values[":until"] = "claimed_at", until
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
            for item in answer["Items"]:
                yield from_inspection_item(item)
