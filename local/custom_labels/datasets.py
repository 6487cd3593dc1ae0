"""The records of data sets: entries read from manifests, counted, listed, moved."""

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass

from local.custom_labels.faults import Fault
from local.custom_labels.manifest import Entry, read_entries
from local.custom_labels.manifest_rules import MESSAGES, MOST_INVALID, MOST_LABELS, MOST_ROWS
from local.custom_labels.store import Row, Store

# These make a line unfit to be kept at all; other faults are kept with it and shown by ListDatasetEntries.
REMOVED = frozenset(
    {"ERROR_INVALID_JSON_LINE", "ERROR_MISSING_SOURCE_REF", "ERROR_INVALID_SOURCE_REF_FORMAT"}
)
TEST_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Datasets:
    """All data sets of the account; callers hold the transaction."""

    store: Store

    def find(self, arn: str) -> Row:
        row = self.store.row("SELECT * FROM dataset WHERE arn = ?", arn)
        if row is None:
            raise Fault("ResourceNotFoundException", f"The dataset {arn} does not exist")
        return row

    def of_project(self, project: str, kind: str) -> Row | None:
        return self.store.row("SELECT * FROM dataset WHERE project = ? AND kind = ?", project, kind)

    def add(self, arn: str, project: str, kind: str, problem: str | None) -> None:
        now = time.time()
        status, message, code = _state("CREATE", problem)
        row = (arn, project, kind, now, now, status, message, code)
        self.store.run("INSERT INTO dataset VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *row)

    def touch(self, arn: str, problem: str | None = None) -> None:
        self.store.run(
            "UPDATE dataset SET updated = ?, status = ?, message = ?, code = ? WHERE arn = ?",
            time.time(),
            *_state("UPDATE", problem),
            arn,
        )

    def put(self, arn: str, entries: Iterable[Entry]) -> None:
        """Replace the entries of known images and append the others."""
        placed = self.store.rows("SELECT source_ref, position FROM entry WHERE dataset = ?", arn)
        places = {row["source_ref"]: int(row["position"]) for row in placed}
        last = max(places.values(), default=0)
        rows = []
        for entry in entries:
            if entry.source not in places:
                last += 1
                places[entry.source] = last
            labels, errors = json.dumps(entry.labels), json.dumps(entry.errors)
            rows.append((arn, places[entry.source], entry.source, entry.text, labels, errors))
        self.store.run_many("INSERT OR REPLACE INTO entry VALUES (?, ?, ?, ?, ?, ?)", rows)

    def entries(self, arn: str) -> list[Entry]:
        rows = self.store.rows("SELECT * FROM entry WHERE dataset = ? ORDER BY position", arn)
        return [entry_of(row) for row in rows]

    def label_counts(self, arn: str) -> list[Row]:
        return self.store.rows(
            "SELECT value AS label, count(*) AS images FROM entry, json_each(entry.labels) "
            "WHERE dataset = ? GROUP BY value ORDER BY value",
            arn,
        )

    def move_a_fifth(self, source: str, target: str) -> str | None:
        """Move a fifth of each label's images; the name of the problem when some label has too few."""
        by_label: dict[str, list[Entry]] = {}
        for entry in self.entries(source):
            if entry.usable:
                by_label.setdefault(entry.labels[0], []).append(entry)
        if not by_label or any(len(entries) < 2 for entries in by_label.values()):
            return "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_DISTRIBUTE"
        chosen = [entry for entries in by_label.values() for entry in _fifth(entries)]
        for entry in chosen:
            self.store.run("DELETE FROM entry WHERE dataset = ? AND source_ref = ?", source, entry.source)
        self.put(target, chosen)
        return None


def entry_of(row: Row) -> Entry:
    labels, errors = tuple(json.loads(row["labels"])), tuple(json.loads(row["errors"]))
    return Entry(row["position"], row["line"], row["source_ref"], labels, errors)


def keepable(lines: Iterable[str]) -> tuple[list[Entry], str | None]:
    """The entries that a data set keeps, and what is wrong with the file as a whole, if anything is."""
    entries = read_entries(lines)
    kept: dict[str, Entry] = {}
    for entry in entries:
        if not REMOVED.intersection(entry.errors):
            kept.setdefault(entry.source, entry)
    labels = {label for entry in kept.values() for label in entry.labels}
    if len(entries) > MOST_ROWS:
        return [], "ERROR_MANIFEST_ROWS_EXCEEDS_MAXIMUM"
    if len(entries) - len(kept) > MOST_INVALID * len(entries):
        return [], "ERROR_TOO_MANY_RECORDS_IN_ERROR"
    if len(labels) > MOST_LABELS:
        return [], "ERROR_MANIFEST_TOO_MANY_LABELS"
    return list(kept.values()), None


def _fifth(entries: list[Entry]) -> list[Entry]:
    """Chosen by the images' names, so that the same data set is always cut in the same way."""
    ordered = sorted(entries, key=lambda entry: hashlib.sha256(entry.source.encode()).digest())
    return ordered[: max(1, round(TEST_SHARE * len(ordered)))]


def _state(doing: str, problem: str | None) -> tuple[str, str, str]:
    if problem is None:
        return f"{doing}_COMPLETE", "The dataset is ready to use.", "SUCCESS"
    return f"{doing}_FAILED", f"{problem}: {MESSAGES[problem]}", "CLIENT_ERROR"
