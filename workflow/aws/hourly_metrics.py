"""Hourly metrics and failed executions on DynamoDB: reads, and the update that the archive index makes."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.items import to_attribute_values
from workflow.history.metrics import FailedExecution, HourlyMetrics, Routing

HOURS, FAILURES = "hours", "failures"


@dataclass(frozen=True, slots=True)
class StoredHour:
    """The stored scores of an hour; every change of them increases the version."""

    version: int
    scores: Mapping[Routing, Sequence[float]]


class DynamoMetricsStore:
    """Implements workflow.history.metrics.MetricsStore. A series holds one month."""

    def __init__(self, table: str, dynamodb: Any = None) -> None:
        self._table = table
        self._dynamodb = dynamodb or client("dynamodb")

    def list_hours(self, since: str, until: str) -> list[HourlyMetrics]:
        hours = [
            HourlyMetrics(
                f"{month}-{item['entry']['S']}:00:00.000Z",
                {name: int(count["N"]) for name, count in item.items() if "N" in count and name != "version"},
                read_scores(item),
            )
            for month in months_between(since, until)
            for item in self._query(f"{HOURS}#{month}")
        ]
        return [hour for hour in hours if since[:13] <= hour.at[:13] and hour.at < until]

    def list_failures(self, since: str, limit: int = 1000) -> list[FailedExecution]:
        newest_first = (
            FailedExecution(**{name: item[name]["S"] for name in FailedExecution.__dataclass_fields__})
            for month in reversed(months_between(since, timestamps.now()))
            for item in self._query(f"{FAILURES}#{month}", since, forward=False, size=limit)
        )
        return list(islice(newest_first, limit))

    def _query(
        self, series: str, since: str = "0", forward: bool = True, size: int = 1000
    ) -> Iterator[dict[str, Any]]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="series = :series AND #entry >= :since",
            ExpressionAttributeNames={"#entry": "entry"},
            ExpressionAttributeValues=to_attribute_values({":series": series, ":since": since}),
            ScanIndexForward=forward,
            PaginationConfig={"PageSize": size},
        )
        return (item for page in pages for item in page["Items"])


def hour_key(at: str) -> dict[str, Any]:
    """Return the key of the item that holds the hour of a time."""
    return to_attribute_values({"series": f"{HOURS}#{at[:7]}", "entry": at[8:13]})


def read_hour(item: Mapping[str, Any]) -> StoredHour:
    """Read the scores of an hour's item, which is empty before the first one."""
    return StoredHour(int(item.get("version", {"N": "0"})["N"]), read_scores(item))


def build_hour_update(
    table: str, at: str, changes: Mapping[str, int], hour: StoredHour, scores: Mapping[Routing, list[float]]
) -> dict[str, Any]:
    """Build the update of an hour's counts and scores, on the condition that its scores are the same."""
    counts = {name: count for name, count in changes.items() if count}
    names = {f"#n{number}": name for number, name in enumerate(counts)}
    values = {f":n{number}": count for number, count in enumerate(counts.values())}
    added = "".join(f", #n{number} :n{number}" for number in range(len(counts)))
    packed = {
        f":{routing}": {"B": struct.pack(f"<{len(scores[routing])}d", *scores[routing])}
        for routing in Routing
    }
    return {
        "TableName": table,
        "Key": hour_key(at),
        "UpdateExpression": f"SET clear_scores = :clear, asked_scores = :asked ADD version :one{added}",
        "ConditionExpression": "attribute_not_exists(version) OR version = :version",
        **({"ExpressionAttributeNames": names} if names else {}),
        "ExpressionAttributeValues": to_attribute_values({":one": 1, ":version": hour.version, **values})
        | packed,
    }


def read_scores(item: Mapping[str, Any]) -> dict[Routing, tuple[float, ...]]:
    """Read an hour's scores, which are stored as ascending 64-bit numbers."""
    packed = {routing: item.get(f"{routing}_scores", {"B": b""})["B"] for routing in Routing}
    return {routing: struct.unpack(f"<{len(content) // 8}d", content) for routing, content in packed.items()}


def months_between(since: str, until: str) -> list[str]:
    """Return every month from one time to another, such as 2026-11."""
    year, month = int(since[:4]), int(since[5:7])
    found_months = []
    while (text := f"{year:04}-{month:02}") <= until[:7]:
        found_months.append(text)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found_months
