"""Derived data of inspections on DynamoDB: the name index, hourly metrics, failed executions."""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.items import to_attribute_values
from workflow.aws.search import DynamoInspectionSearch
from workflow.history.metrics import FailedExecution, HourlyMetrics
from workflow.inspections.inspection import Inspection

MAX_UNARCHIVED = 500
HOURS, FAILURES = "hours", "failures"


class DynamoMetricsStore:
    """Implements workflow.history.metrics.MetricsStore. A series holds one month."""

    def __init__(self, table: str, dynamodb: Any = None) -> None:
        self._table = table
        self._dynamodb = dynamodb or client("dynamodb")

    def list_hours(self, since: str, until: str) -> list[HourlyMetrics]:
        hours = [
            HourlyMetrics(
                f"{month}-{item['entry']['S']}:00:00.000Z",
                {name: int(count["N"]) for name, count in item.items() if "N" in count},
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


class DynamoArchiveIndex:
    """Implements workflow.history.archiver.ArchiveIndex."""

    def __init__(
        self, inspections_table: str, name_index_table: str, metrics_table: str, dynamodb: Any = None
    ) -> None:
        self._inspections_table, self._metrics_table = inspections_table, metrics_table
        self._dynamodb = dynamodb or client("dynamodb")
        self._search = DynamoInspectionSearch(inspections_table, name_index_table, self._dynamodb)

    def list_unarchived(self) -> Iterator[str]:
        answer = self._dynamodb.query(
            TableName=self._inspections_table,
            IndexName="unarchived",
            KeyConditionExpression="unarchived = :yes",
            ExpressionAttributeValues=to_attribute_values({":yes": "yes"}),
            ProjectionExpression="id",
            Limit=MAX_UNARCHIVED,
        )
        return (item["id"]["S"] for item in answer["Items"])

    def add_name(self, row: Inspection) -> None:
        self._search.add_name(row)

    def mark_archived(self, row: Inspection, counts: Mapping[str, int]) -> bool:
        removal = {
            "TableName": self._inspections_table,
            "Key": to_attribute_values({"id": row.id}),
            "UpdateExpression": "REMOVE unarchived",
            "ConditionExpression": "unarchived = :yes AND #state = :state AND closed_at = :closed_at",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": to_attribute_values(
                {":yes": "yes", ":state": row.state, ":closed_at": row.closed_at}
            ),
        }
        updates = [removal, self._count_update(row.closed_at, counts)] if counts else [removal]
        # The token identifies the closing, so that a retry after a lost answer counts nothing twice.
        token = hashlib.sha256(f"{row.id} {row.state} {row.closed_at}".encode()).hexdigest()[:36]
        try:
            self._dynamodb.transact_write_items(
                TransactItems=[{"Update": update} for update in updates], ClientRequestToken=token
            )
        except ClientError as error:
            if any(
                reason.get("Code") == "ConditionalCheckFailed"
                for reason in error.response.get("CancellationReasons", ())
            ):
                return False
            raise
        return True

    def has_failure(self, execution: str) -> bool:
        """Return True if the failure is stored. Its marker item needs no month, which is unknown here."""
        key = to_attribute_values({"series": FAILURES, "entry": execution})
        return "Item" in self._dynamodb.get_item(TableName=self._metrics_table, Key=key)

    def add_failure(self, failure: FailedExecution) -> None:
        series = f"{FAILURES}#{failure.at[:7]}"
        plain = {name: getattr(failure, name) for name in FailedExecution.__dataclass_fields__}
        entry = f"{failure.at} {failure.execution}"
        items = [
            {"series": series, "entry": entry, **plain},
            {"series": FAILURES, "entry": failure.execution},
        ]
        self._dynamodb.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": self._metrics_table, "Item": to_attribute_values(item)}}
                for item in items
            ]
        )

    def _count_update(self, at: str, counts: Mapping[str, int]) -> dict[str, Any]:
        names = {f"#n{number}": name for number, name in enumerate(counts)}
        amounts = {f":n{number}": count for number, count in enumerate(counts.values())}
        return {
            "TableName": self._metrics_table,
            "Key": to_attribute_values({"series": f"{HOURS}#{at[:7]}", "entry": at[8:13]}),
            "UpdateExpression": "ADD " + ", ".join(f"#n{number} :n{number}" for number in range(len(counts))),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": to_attribute_values(amounts),
        }


def months_between(since: str, until: str) -> list[str]:
    """Return every month from one time to another, such as 2026-11."""
    year, month = int(since[:4]), int(since[5:7])
    found_months = []
    while (text := f"{year:04}-{month:02}") <= until[:7]:
        found_months.append(text)
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found_months
