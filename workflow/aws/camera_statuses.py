"""The status of cameras on DynamoDB, and the progress of the monitoring, in the cameras table."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from workflow import timestamps
from workflow.aws.cameras import to_photo
from workflow.aws.clients import client
from workflow.aws.items import from_attribute_values, to_attribute_values
from workflow.cameras.camera import CameraPhoto
from workflow.cameras.camera_status import CameraStatus, status_from_dict
from workflow.cameras.confirmed_photos import list_days
from workflow.cameras.monitoring import MonitoringProgress

STATUSES = "statuses"
PROGRESS_KEY = {"series": {"S": "watch"}, "entry": {"S": "progress"}}
STATUS_DAYS = 90


class DynamoStatusRepository:
    """Implements workflow.cameras.monitoring.StatusRepository. One function at a time writes these items."""

    def __init__(self, table: str, dynamodb: Any = None) -> None:
        self._table, self._dynamodb = table, dynamodb or client("dynamodb")

    def list_observed(self, since: str, until: str) -> Iterator[CameraPhoto]:
        for day in list_days(since, until):
            yield from map(
                to_photo,
                self._query(
                    "#day = :day AND observed_at BETWEEN :since AND :until",
                    {":day": day, ":since": since, ":until": until},
                    IndexName="by_day",
                    ExpressionAttributeNames={"#day": "day"},
                ),
            )

    def list_statuses(self) -> list[CameraStatus]:
        items = self._query("series = :series", {":series": STATUSES})
        return [status_from_dict(json.loads(item["status"])) for item in items]

    def save_status(self, status: CameraStatus) -> None:
        item = {
            "series": STATUSES,
            "entry": status.camera,
            "status": json.dumps(asdict(status)),
            "expires_at": timestamps.expiry(STATUS_DAYS),
        }
        self._dynamodb.put_item(TableName=self._table, Item=to_attribute_values(item))

    def load_progress(self) -> MonitoringProgress | None:
        answer = self._dynamodb.get_item(TableName=self._table, Key=PROGRESS_KEY, ConsistentRead=True)
        if "Item" not in answer:
            return None
        item = from_attribute_values(answer["Item"])
        return MonitoringProgress(item["observed_until"], item["confirmed_until"])

    def save_progress(self, progress: MonitoringProgress) -> None:
        item = {**PROGRESS_KEY, **to_attribute_values(asdict(progress))}
        self._dynamodb.put_item(TableName=self._table, Item=item)

    def _query(self, condition: str, values: dict[str, Any], **how: Any) -> Iterator[dict[str, Any]]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=to_attribute_values(values),
            **how,
        )
        return (from_attribute_values(item) for page in pages for item in page["Items"])
