"""Search for inspections by DynamoDB indexes, with a bounded number of reads per page and without scans."""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any

from workflow.aws.batches import MAX_KEYS_PER_BATCH, load_inspections, process_in_batches
from workflow.aws.clients import client
from workflow.aws.items import to_attribute_values
from workflow.history.search import (
    Cursor,
    Direction,
    InspectionPage,
    InspectionQuery,
    build_page,
    key_suffixes,
)
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.verdict import Verdict
from workflow.tables import NAME_INDEX

MAX_NAME_INDEX_MATCHES = 500
MAX_READS = 12
MAX_PUTS_PER_BATCH = 25
COMMON_VERDICTS = (Verdict.OK, Verdict.DEFECT)
INITIALS_LENGTH = 2
UNARCHIVED_INDEX = "unarchived"
PARTITION_KEYS = {
    UNARCHIVED_INDEX: "unarchived",
    "by_state": "state",
    "by_verdict": "filed_as",
    "by_reviewer": "decided_by",
    "by_model": "model",
    "by_policy": "policy_version",
}

Position = tuple[str, str]  # Claim time and id of a row. An empty id marks where reading stopped.


@dataclass(slots=True)
class _ReadBudget:
    """The number of reads that a page may still use."""

    reads: int

    def exhaust(self) -> bool:
        """Use one read. Return True if none was left."""
        self.reads -= 1
        return self.reads < 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _PageRequest:
    """A query for one page, with its cursor, size and read budget."""

    query: InspectionQuery
    cursor: Cursor | None
    size: int
    budget: _ReadBudget

    @property
    def newest_first(self) -> bool:
        return self.cursor is None or self.cursor.direction is Direction.OLDER

    @property
    def time_range(self) -> tuple[str, str]:
        """The earliest and the latest claim time of the page's rows."""
        since, until = self.query.since or "0", self.query.until or "9"
        if self.cursor is None:
            return since, until
        if self.newest_first:
            return since, min(until, self.cursor.at)
        return max(since, self.cursor.at), until

    def is_beyond_cursor(self, position: Position) -> bool:
        """Return True if the row follows the cursor in the page's direction."""
        if self.cursor is None:
            return True
        cursor = (self.cursor.at, self.cursor.id)
        return position < cursor if self.newest_first else position > cursor


class DynamoInspectionSearch:
    """Implements workflow.history.search.InspectionSearch."""

    def __init__(
        self, inspections_table: str, name_index_table: str, dynamodb: Any = None, reads: int = MAX_READS
    ) -> None:
        self._inspections_table, self._name_index_table = inspections_table, name_index_table
        self._reads = reads
        self._dynamodb = dynamodb or client("dynamodb")

    def fetch_page(
        self, query: InspectionQuery, cursor: Cursor | None = None, size: int = 25
    ) -> InspectionPage:
        page = _PageRequest(query=query, cursor=cursor, size=size, budget=_ReadBudget(self._reads))
        matches = self._find_by_name(query)
        if matches:
            streams = [
                iter(sorted(matches, reverse=page.newest_first)),
                self._read_index(page, UNARCHIVED_INDEX, "yes"),
            ]
        else:
            streams = [self._read_index(page, index, key) for index, key in _choose_indexes(query)]
        return build_page(self._load_rows(page, _merge(page, streams)), cursor, size)

    def add_name(self, row: Inspection) -> None:
        """Add a row's photo name to the name index. Adding it again changes nothing."""
        self._write([{"PutRequest": {"Item": to_attribute_values(item)}} for item in _name_items(row)])

    def remove_name(self, row: Inspection) -> None:
        """Remove a row's photo name from the name index."""
        keys = [{name: item[name] for name in NAME_INDEX.key} for item in _name_items(row)]
        self._write([{"DeleteRequest": {"Key": to_attribute_values(key)}} for key in keys])

    def _write(self, requests: list[dict[str, Any]]) -> None:
        def write(batch: list[Any]) -> list[Any]:
            answer = self._dynamodb.batch_write_item(RequestItems={self._name_index_table: batch})
            return list(answer.get("UnprocessedItems", {}).get(self._name_index_table, []))

        process_in_batches(requests, MAX_PUTS_PER_BATCH, write)

    def _find_by_name(self, query: InspectionQuery) -> list[Position]:
        """Find rows by the beginning of a word in the photo's key. Return none if there are too many."""
        prefix = query.normalized_name if query.is_prefix else query.search_text
        if len(prefix) < INITIALS_LENGTH:
            return []
        answer = self._dynamodb.query(
            TableName=self._name_index_table,
            KeyConditionExpression="initials = :initials AND begins_with(#search_text, :part)",
            ExpressionAttributeNames={"#search_text": "search_text"},
            ExpressionAttributeValues=to_attribute_values(
                {":initials": prefix[:INITIALS_LENGTH], ":part": prefix}
            ),
            Limit=MAX_NAME_INDEX_MATCHES,
        )
        if "LastEvaluatedKey" in answer:
            return []
        return list({(item["claimed_at"]["S"], item["id"]["S"]) for item in answer["Items"]})

    def _read_index(self, page: _PageRequest, index: str, key: str) -> Iterator[Position]:
        """Yield the positions under one key of an index, by time. A position without id ends the budget."""
        since, until = page.time_range
        request = _build_query(page, index, {":key": key, ":since": since, ":until": until})
        reached = until if page.newest_first else since
        while since <= until:
            if page.budget.exhaust():
                yield reached, ""
                return
            answer = self._dynamodb.query(TableName=self._inspections_table, **request)
            for item in answer["Items"]:
                yield item["claimed_at"]["S"], item["id"]["S"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            reached = answer["LastEvaluatedKey"]["claimed_at"]["S"]

    def _load_rows(self, page: _PageRequest, positions: Iterator[Position]) -> Iterator[Inspection | Cursor]:
        """Load the current rows at these positions, and yield those that still match the query."""
        while batch := list(islice(positions, min(page.size + 1, MAX_KEYS_PER_BATCH))):
            ids = [row_id for _, row_id in batch if row_id]
            rows = load_inspections(self._dynamodb, self._inspections_table, ids)
            for at, row_id in batch:
                if not row_id:
                    yield _stop_cursor(page, at)
                elif row_id in rows and page.query.matches(rows[row_id]):
                    yield rows[row_id]


def _choose_indexes(query: InspectionQuery) -> list[tuple[str, str]]:
    """Return the most selective index for the query, with its key, or all states of `by_state`."""
    choices = [
        ("by_reviewer", query.decided_by),
        ("by_state", query.state or ""),
        ("by_verdict", query.verdict or "" if query.verdict not in COMMON_VERDICTS else ""),
        ("by_policy", query.policy),
        ("by_model", query.model),
        ("by_verdict", query.verdict or ""),
    ]
    if query.state is InspectionState.CLOSED and any(key for index, key in choices if index != "by_state"):
        choices.pop(1)
    best = next(((index, key) for index, key in choices if key), None)
    return [best] if best else [("by_state", state) for state in InspectionState]


def _build_query(page: _PageRequest, index: str, bounds: Mapping[str, str]) -> dict[str, Any]:
    key, query = PARTITION_KEYS[index], page.query
    attributes = {
        "filed_as": query.verdict,
        "decided_by": query.decided_by,
        "model": query.model,
        "policy_version": query.policy,
        "state": query.state,
    }
    filters = {
        name: str(value)
        for name, value in attributes.items()
        if value and name != key and index != UNARCHIVED_INDEX
    }
    conditions = [f"#{name} = :{name}" for name in filters]
    if query.normalized_name:
        conditions.append("contains(#search_text, :part)")
    request: dict[str, Any] = {
        "IndexName": index,
        "KeyConditionExpression": "#key = :key AND claimed_at BETWEEN :since AND :until",
        "ProjectionExpression": "id, claimed_at",
        "ExpressionAttributeNames": {"#key": key, **{f"#{name}": name for name in filters}},
        "ExpressionAttributeValues": to_attribute_values(
            {**bounds, **{f":{name}": value for name, value in filters.items()}}
        ),
        "ScanIndexForward": not page.newest_first,
    }
    if conditions:
        request["FilterExpression"] = " AND ".join(conditions)
    else:
        request["Limit"] = page.size + 1
    if query.normalized_name:
        request["ExpressionAttributeNames"]["#search_text"] = "search_text"
        request["ExpressionAttributeValues"] |= to_attribute_values({":part": query.normalized_name})
    return request


def _merge(page: _PageRequest, streams: list[Iterator[Position]]) -> Iterator[Position]:
    """Merge positions by time, each once, beyond the cursor. The first one without an id is the last."""
    merged = heapq.merge(*streams, key=lambda position: position[0], reverse=page.newest_first)
    for at, group in groupby(merged, key=lambda position: position[0]):
        positions = sorted(set(group), reverse=page.newest_first)
        if any(not row_id for _, row_id in positions):
            yield at, ""
            return
        yield from (position for position in positions if page.is_beyond_cursor(position))


def _stop_cursor(page: _PageRequest, at: str) -> Cursor:
    """Return the cursor of the next page, which includes the rows of this time."""
    return Cursor(at, "~") if page.newest_first else Cursor(at, "", Direction.NEWER)


def _name_items(row: Inspection) -> Iterator[dict[str, str]]:
    for text in key_suffixes(row.image.key):
        yield {
            "initials": text[:INITIALS_LENGTH].ljust(INITIALS_LENGTH),
            "search_text": f"{text}\0{row.claimed_at}\0{row.id}",
            "id": row.id,
            "claimed_at": row.claimed_at,
        }
