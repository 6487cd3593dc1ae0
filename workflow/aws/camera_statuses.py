"""The status of cameras on DynamoDB, and the progress of the monitoring, in the cameras table."""

import json
from dataclasses import asdict
from typing import Any

from workflow import timestamps
from workflow.aws.cameras import query_items
from workflow.aws.clients import client
from workflow.aws.items import from_attribute_values, to_attribute_values
from workflow.cameras.camera_status import CameraStatus, CameraStatuses, status_from_dict
from workflow.cameras.monitoring import MonitoringProgress

STATUSES = "statuses"
PROGRESS_KEY = {"series": {"S": "watch"}, "entry": {"S": "progress"}}
STATUS_DAYS = 90


class DynamoCameraStatusRepository:
    """Implements workflow.cameras.monitoring.CameraStatusRepository.

    One function at a time writes these items.
    """

    def __init__(self, table: str, dynamodb: Any = None) -> None:
        self._table, self._dynamodb = table, dynamodb or client("dynamodb")

    def load_statuses(self) -> CameraStatuses:
        items = query_items(self._dynamodb, self._table, "series = :series", {":series": STATUSES})
        return CameraStatuses({item["entry"]: status_from_dict(json.loads(item["status"])) for item in items})

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
