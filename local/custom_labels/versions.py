"""The record of each model: found, listed, and moved from status to status, never by an illegal step."""

import json
import time
from dataclasses import dataclass
from typing import Any

from local.custom_labels.faults import Fault
from local.custom_labels.lifecycle import Status, comes_before
from local.custom_labels.store import Row, Store

FIELDS = "arn, project, name, created, status, message, about"


@dataclass(frozen=True, slots=True)
class Version:
    """One model; about holds what DescribeProjectVersions adds, under the names it has there."""

    arn: str
    project: str
    name: str
    created: float
    status: Status
    message: str
    about: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Versions:
    """All models of the account."""

    store: Store

    def add(self, version: Version) -> None:
        taken = self.store.row(
            "SELECT 1 FROM version WHERE project = ? AND name = ?", version.project, version.name
        )
        if taken:
            raise Fault(
                "ResourceInUseException", f"A model named {version.name} already exists in the project"
            )
        self.store.run(
            f"INSERT INTO version ({FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
            version.arn,
            version.project,
            version.name,
            version.created,
            version.status,
            version.message,
            json.dumps(version.about),
        )

    def find(self, arn: str) -> Version:
        row = self.store.row("SELECT * FROM version WHERE arn = ?", arn)
        if row is None:
            raise Fault("ResourceNotFoundException", f"The model {arn} does not exist")
        return _version(row)

    def of_project(self, project: str) -> list[Version]:
        return [_version(row) for row in self.store.rows("SELECT * FROM version WHERE project = ?", project)]

    def having(self, *statuses: Status) -> list[Version]:
        marks = ", ".join("?" * len(statuses))
        return [
            _version(row)
            for row in self.store.rows(f"SELECT * FROM version WHERE status IN ({marks})", *statuses)  # noqa: S608
        ]

    def advance(self, arn: str, status: Status, message: str = "", **about: Any) -> Version:
        """Move to a status, if that is legal from the present one, and note what is now known."""
        with self.store.transaction():
            version = self.find(arn)
            allowed = comes_before(status)
            if version.status not in allowed:
                listed = ", ".join(allowed)
                raise Fault(
                    "ResourceInUseException",
                    f"The model is {version.status}; it can only become {status} from {listed or 'nothing'}",
                )
            self.store.run(
                "UPDATE version SET status = ?, message = ?, about = ? WHERE arn = ?",
                status,
                message,
                json.dumps(version.about | about),
                arn,
            )
            return self.find(arn)

    def forget(self, arn: str) -> None:
        with self.store.transaction():
            self.store.run("DELETE FROM version WHERE arn = ?", arn)
            self.store.run("DELETE FROM tag WHERE arn = ?", arn)


def new_version(arn: str, project: str, name: str, status: Status, about: dict[str, Any]) -> Version:
    return Version(arn, project, name, time.time(), status, "", about)


def _version(row: Row) -> Version:
    return Version(
        row["arn"],
        row["project"],
        row["name"],
        row["created"],
        Status(row["status"]),
        row["message"],
        json.loads(row["about"]),
    )
