"""The repository of data sets and their entries."""

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass

from custom_labels.database import Database, Row
from custom_labels.errors import ServiceError
from custom_labels.manifest import ManifestEntry, parse_entries
from custom_labels.manifest_rules import MANIFEST_MESSAGES, MAX_INVALID_SHARE, MAX_LABELS, MAX_ROWS

# Lines with these errors are not stored. Lines with other errors are, and ListDatasetEntries shows them.
REJECTING_ERRORS = frozenset(
    {"ERROR_INVALID_JSON_LINE", "ERROR_MISSING_SOURCE_REF", "ERROR_INVALID_SOURCE_REF_FORMAT"}
)
TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class DatasetRepository:
    """All data sets of the account; callers open the transactions."""

    database: Database

    def get(self, arn: str) -> Row:
        """Return the data set's row. Raise ServiceError if it does not exist."""
        row = self.database.fetch_one("SELECT * FROM dataset WHERE arn = ?", arn)
        if row is None:
            raise ServiceError("ResourceNotFoundException", f"The dataset {arn} does not exist")
        return row

    def find_by_project(self, project: str, kind: str) -> Row | None:
        """Return the TRAIN or TEST data set of a project, or None."""
        return self.database.fetch_one("SELECT * FROM dataset WHERE project = ? AND kind = ?", project, kind)

    def add(self, arn: str, project: str, kind: str, problem: str | None) -> None:
        now = time.time()
        status, message, code = _status_columns("CREATE", problem)
        row = (arn, project, kind, now, now, status, message, code)
        self.database.execute("INSERT INTO dataset VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *row)

    def record_update(self, arn: str, problem: str | None = None) -> None:
        """Set the time and the status of an update."""
        self.database.execute(
            "UPDATE dataset SET updated = ?, status = ?, message = ?, code = ? WHERE arn = ?",
            time.time(),
            *_status_columns("UPDATE", problem),
            arn,
        )

    def upsert_entries(self, arn: str, entries: Iterable[ManifestEntry]) -> None:
        """Replace the entries of images that are in the data set, and append the others."""
        stored = self.database.fetch_all("SELECT source_ref, position FROM entry WHERE dataset = ?", arn)
        positions = {row["source_ref"]: int(row["position"]) for row in stored}
        last = max(positions.values(), default=0)
        rows = []
        for entry in entries:
            if entry.source not in positions:
                last += 1
                positions[entry.source] = last
            labels, errors = json.dumps(entry.labels), json.dumps(entry.errors)
            rows.append((arn, positions[entry.source], entry.source, entry.text, labels, errors))
        self.database.execute_many("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?)", rows)

    def list_entries(self, arn: str) -> list[ManifestEntry]:
        rows = self.database.fetch_all("SELECT * FROM entry WHERE dataset = ? ORDER BY position", arn)
        return [entry_from_row(row) for row in rows]

    def count_labels(self, arn: str) -> list[Row]:
        """Return rows of label and images (their number), ordered by label."""
        return self.database.fetch_all(
            "SELECT value AS label, count(*) AS images FROM entry, json_each(entry.labels) "
            "WHERE dataset = ? GROUP BY value ORDER BY value",
            arn,
        )

    def move_test_share(self, source: str, target: str) -> str | None:
        """Move a fifth of each label's images; return an error name if a label has too few images."""
        by_label: dict[str, list[ManifestEntry]] = {}
        for entry in self.list_entries(source):
            if entry.is_usable:
                by_label.setdefault(entry.labels[0], []).append(entry)
        if not by_label or any(len(entries) < 2 for entries in by_label.values()):
            return "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_DISTRIBUTE"
        chosen = [entry for entries in by_label.values() for entry in _choose_test_share(entries)]
        for entry in chosen:
            self.database.execute(
                "DELETE FROM entry WHERE dataset = ? AND source_ref = ?", source, entry.source
            )
        self.upsert_entries(target, chosen)
        return None


def entry_from_row(row: Row) -> ManifestEntry:
    """Build a manifest entry from its row; its number is its position in the data set."""
    return ManifestEntry(
        number=row["position"],
        text=row["line"],
        source=row["source_ref"],
        labels=tuple(json.loads(row["labels"])),
        errors=tuple(json.loads(row["errors"])),
    )


def select_valid_entries(lines: Iterable[str]) -> tuple[list[ManifestEntry], str | None]:
    """Return the entries that a data set stores, and the error name of the whole file or None."""
    entries = parse_entries(lines)
    valid: dict[str, ManifestEntry] = {}
    for entry in entries:
        if not REJECTING_ERRORS.intersection(entry.errors):
            valid.setdefault(entry.source, entry)
    labels = {label for entry in valid.values() for label in entry.labels}
    if len(entries) > MAX_ROWS:
        return [], "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM"
    if len(entries) - len(valid) > MAX_INVALID_SHARE * len(entries):
        return [], "ERROR_TOO_MANY_RECORDS_IN_ERROR"
    if len(labels) > MAX_LABELS:
        return [], "ERROR_MANIFEST_TOO_MANY_LABELS"
    return list(valid.values()), None


def _choose_test_share(entries: list[ManifestEntry]) -> list[ManifestEntry]:
    """Choose by a hash of the images' names: the same data set is always split in the same way."""
    ordered = sorted(entries, key=lambda entry: hashlib.sha256(entry.source.encode()).digest())
    return ordered[: max(1, round(TEST_SHARE * len(ordered)))]


def _status_columns(action: str, problem: str | None) -> tuple[str, str, str]:
    """Return status, message and code after CREATE or UPDATE."""
    if problem is None:
        return f"{action}_COMPLETE", "The dataset is ready to use.", "SUCCESS"
    return f"{action}_FAILED", f"{problem}: {MANIFEST_MESSAGES[problem]}", "CLIENT_ERROR"
