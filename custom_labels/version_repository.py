"""The repository of model versions; it refuses invalid status transitions."""

import json
import time
from dataclasses import dataclass
from typing import Any

from custom_labels.database import Database, Row
from custom_labels.errors import ServiceError
from custom_labels.lifecycle import VersionStatus, predecessors

COLUMNS = "arn, project, name, created, status, message, details"


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRecord:
    """One model version.

    `created` is in seconds since the epoch. `details` holds further members of DescribeProjectVersions, by
    their names there.
    """

    arn: str
    project: str
    name: str
    created: float
    status: VersionStatus
    message: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class VersionRepository:
    """All model versions of the account."""

    database: Database

    def add(self, version: VersionRecord) -> None:
        """Insert a version. Raise ServiceError if its name is used in the project."""
        taken = self.database.fetch_one(
            "SELECT 1 FROM version WHERE project = ? AND name = ?", version.project, version.name
        )
        if taken:
            raise ServiceError(
                "ResourceInUseException", f"A model named {version.name} already exists in the project"
            )
        values = (
            version.arn,
            version.project,
            version.name,
            version.created,
            version.status,
            version.message,
            json.dumps(version.details),
        )
        sql = f"INSERT INTO version ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
        self.database.execute(sql, *values)

    def get(self, arn: str) -> VersionRecord:
        """Return a version. Raise ServiceError if it does not exist."""
        row = self.database.fetch_one("SELECT * FROM version WHERE arn = ?", arn)
        if row is None:
            raise ServiceError("ResourceNotFoundException", f"The model {arn} does not exist")
        return _from_row(row)

    def list_by_project(self, project: str) -> list[VersionRecord]:
        rows = self.database.fetch_all("SELECT * FROM version WHERE project = ?", project)
        return [_from_row(row) for row in rows]

    def list_by_status(self, *statuses: VersionStatus) -> list[VersionRecord]:
        marks = ", ".join("?" * len(statuses))
        sql = f"SELECT * FROM version WHERE status IN ({marks})"  # noqa: S608
        return [_from_row(row) for row in self.database.fetch_all(sql, *statuses)]

    def change_status(
        self, arn: str, status: VersionStatus, message: str = "", **details: Any
    ) -> VersionRecord:
        """Set status and message and add details. Raise ServiceError for an invalid transition."""
        with self.database.transaction():
            version = self.get(arn)
            allowed = predecessors(status)
            if version.status not in allowed:
                listed = ", ".join(allowed)
                raise ServiceError(
                    "ResourceInUseException",
                    f"The model is {version.status}; it can only become {status} from {listed or 'nothing'}",
                )
            self.database.execute(
                "UPDATE version SET status = ?, message = ?, details = ? WHERE arn = ?",
                status,
                message,
                json.dumps(version.details | details),
                arn,
            )
            return self.get(arn)

    def delete(self, arn: str) -> None:
        """Delete a version and its tags."""
        with self.database.transaction():
            self.database.execute("DELETE FROM version WHERE arn = ?", arn)
            self.database.execute("DELETE FROM tag WHERE arn = ?", arn)


def new_record(
    arn: str, project: str, name: str, status: VersionStatus, details: dict[str, Any]
) -> VersionRecord:
    """Build the record of a version that is created now."""
    return VersionRecord(
        arn=arn,
        project=project,
        name=name,
        created=time.time(),
        status=status,
        message="",
        details=details,
    )


def _from_row(row: Row) -> VersionRecord:
    return VersionRecord(
        arn=row["arn"],
        project=row["project"],
        name=row["name"],
        created=row["created"],
        status=VersionStatus(row["status"]),
        message=row["message"],
        details=json.loads(row["details"]),
    )
