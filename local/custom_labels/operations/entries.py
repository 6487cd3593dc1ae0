"""The lines of a data set: listed by what they contain, changed line by line."""

import json
from typing import Any

from local.custom_labels.account import Account
from local.custom_labels.datasets import REMOVED, entry_of
from local.custom_labels.faults import Fault
from local.custom_labels.manifest import read_entries
from local.custom_labels.manifest_rules import MOST_ROWS
from local.custom_labels.paging import last_seen, page_size, paged, token_after


def show(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    """Filtered and cut by SQLite: a data set may hold a quarter of a million lines."""
    account.datasets.find(request["DatasetArn"])
    after, size = _position(request), page_size(request)
    where, values = _filters(request)
    rows = account.store.rows(
        f"SELECT * FROM entry WHERE dataset = ? AND position > ?{where} ORDER BY position LIMIT ?",  # noqa: S608
        request["DatasetArn"],
        after,
        *values,
        size + 1,
    )
    more = token_after(request, str(rows[size - 1]["position"])) if len(rows) > size else {}
    return {"DatasetEntries": [entry_of(row).annotated() for row in rows[:size]], **more}


def _position(request: dict[str, Any]) -> int:
    try:
        return int(last_seen(request) or 0)
    except ValueError as error:
        raise Fault("InvalidPaginationTokenException", "Invalid pagination token") from error


def _filters(request: dict[str, Any]) -> tuple[str, list[Any]]:
    where, values = "", list[Any]()
    if request.get("Labeled"):
        where += " AND labels != '[]'"
    if request.get("HasErrors"):
        where += " AND errors != '[]'"
    if text := request.get("SourceRefContains"):
        where += " AND instr(source_ref, ?) > 0"
        values.append(text)
    if labels := request.get("ContainsLabels"):
        marks = ", ".join("?" * len(labels))
        where += f" AND EXISTS (SELECT 1 FROM json_each(entry.labels) WHERE value IN ({marks}))"  # noqa: S608
        values.extend(labels)
    return where, values


def show_labels(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    account.datasets.find(request["DatasetArn"])
    counts = account.datasets.label_counts(request["DatasetArn"])
    shown, more = paged(counts, lambda row: str(row["label"]), request)
    return {
        "DatasetLabelDescriptions": [
            {"LabelName": row["label"], "LabelStats": {"EntryCount": row["images"], "BoundingBoxCount": 0}}
            for row in shown
        ],
        **more,
    }


def update(account: Account, request: dict[str, Any]) -> dict[str, Any]:
    """Lines of known images replace theirs, others are appended; one unfit line refuses the whole request."""
    arn, lines = request["DatasetArn"], _lines(request["Changes"]["GroundTruth"])
    entries = read_entries(lines)
    for entry in entries:
        if bad := REMOVED.intersection(entry.errors):
            raise Fault("InvalidParameterException", f"Line {entry.number}: {', '.join(bad)}")
    with account.store.transaction():
        account.datasets.find(arn)
        account.datasets.put(arn, entries)
        if account.store.count("SELECT count(*) FROM entry WHERE dataset = ?", arn) > MOST_ROWS:
            raise Fault("LimitExceededException", f"A dataset may have at most {MOST_ROWS} entries")
        account.datasets.touch(arn)
    return {}


def _lines(changes: bytes) -> list[str]:
    """JSON lines or, as the console's examples have it, one JSON array of them."""
    try:
        text = changes.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Fault("InvalidParameterException", "Changes.GroundTruth is not UTF-8") from error
    if text.lstrip().startswith("["):
        try:
            return [json.dumps(record) for record in json.loads(text)]
        except ValueError as error:
            raise Fault("InvalidParameterException", "Changes.GroundTruth is not JSON") from error
    return text.split("\n")
