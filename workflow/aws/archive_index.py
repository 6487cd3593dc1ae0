"""The archive index on DynamoDB: finds unarchived inspections, and marks each together with its metrics."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from workflow.aws.clients import client
from workflow.aws.conditional_writes import try_write
from workflow.aws.hourly_metrics import FAILURES, StoredHour, build_hour_update, hour_key, read_hour
from workflow.aws.items import from_attribute_values, to_attribute_values
from workflow.aws.search import DynamoInspectionSearch
from workflow.history.metrics import FailedExecution, InspectionMetrics, RoutedScore, Routing, replace_score
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import InspectionId

MAX_UNARCHIVED = 500


class DynamoArchiveIndex:
    """Implements workflow.history.archiver.ArchiveIndex."""

    def __init__(
        self, inspections_table: str, name_index_table: str, metrics_table: str, dynamodb: Any = None
    ) -> None:
        self._inspections_table, self._metrics_table = inspections_table, metrics_table
        self._dynamodb = dynamodb or client("dynamodb")
        self._search = DynamoInspectionSearch(inspections_table, name_index_table, self._dynamodb)

    def list_unarchived_ids(self) -> Iterator[InspectionId]:
        answer = self._dynamodb.query(
            TableName=self._inspections_table,
            IndexName="unarchived",
            KeyConditionExpression="unarchived = :yes",
            ExpressionAttributeValues=to_attribute_values({":yes": "yes"}),
            ProjectionExpression="id",
            Limit=MAX_UNARCHIVED,
        )
        return (InspectionId(item["id"]["S"]) for item in answer["Items"])

    def add_name(self, row: Inspection) -> None:
        self._search.add_name(row)

    def mark_archived(self, row: Inspection, metrics: InspectionMetrics) -> bool:
        before, hour = self._stored_metrics(row)
        changes = Counter(metrics.counts)
        changes.subtract(before.counts)
        updates = [self._mark_update(row, before, metrics)]
        if any(changes.values()) or before.score != metrics.score:
            scores = replace_score(hour.scores, before.score, metrics.score)
            updates.append(build_hour_update(self._metrics_table, row.claimed_at, changes, hour, scores))
        # The token identifies the change, so that a retry after a lost answer counts nothing twice.
        change = json.dumps([row.id, row.state, row.closed_at, hour.version, asdict(metrics)], sort_keys=True)
        token = hashlib.sha256(change.encode()).hexdigest()[:36]
        items = [{"Update": update} for update in updates]
        answer = try_write(
            lambda: self._dynamodb.transact_write_items(TransactItems=items, ClientRequestToken=token)
        )
        return answer is not None

    def _stored_metrics(self, row: Inspection) -> tuple[InspectionMetrics, StoredHour]:
        """Return the metrics that were counted for a row, and the hour that they were counted in."""
        stored = self._dynamodb.get_item(
            TableName=self._inspections_table,
            Key=to_attribute_values({"id": row.id}),
            ProjectionExpression="measured",
            ConsistentRead=True,
        )
        measured = from_attribute_values(stored.get("Item", {})).get("measured")
        hour = self._dynamodb.get_item(
            TableName=self._metrics_table, Key=hour_key(row.claimed_at), ConsistentRead=True
        )
        return _read_measured(measured), read_hour(hour.get("Item", {}))

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

    def _mark_update(
        self, row: Inspection, before: InspectionMetrics, after: InspectionMetrics
    ) -> dict[str, Any]:
        """Return the update that marks a row as archived if neither it nor its metrics changed meanwhile."""
        return {
            "TableName": self._inspections_table,
            "Key": to_attribute_values({"id": row.id}),
            "UpdateExpression": "SET measured = :after REMOVE unarchived",
            "ConditionExpression": "unarchived = :yes AND #state = :state AND closed_at = :closed_at"
            " AND (attribute_not_exists(measured) OR measured = :before)",
            "ExpressionAttributeNames": {"#state": "state"},
            "ExpressionAttributeValues": to_attribute_values(
                {
                    ":yes": "yes",
                    ":state": row.state,
                    ":closed_at": row.closed_at,
                    ":before": before,
                    ":after": after,
                }
            ),
        }


def _read_measured(measured: Mapping[str, Any] | None) -> InspectionMetrics:
    if not measured:
        return InspectionMetrics()
    score = measured["score"]
    return InspectionMetrics(
        measured["counts"],
        RoutedScore(Routing(score["routing"]), float(score["confidence"])) if score else None,
    )
