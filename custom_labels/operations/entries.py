"""List and update the entries of a data set."""

import json
from typing import Any

from custom_labels.account import CustomLabelsAccount
from custom_labels.dataset_repository import REJECTING_ERRORS, entry_from_row
from custom_labels.errors import ServiceError
from custom_labels.manifest import parse_entries
from custom_labels.manifest_rules import MAX_ROWS
from custom_labels.pagination import last_key, next_token, page_size, paginate


def list_entries(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    """List entries, filtered and paged by SQLite: a data set may have a quarter of a million lines."""
    account.datasets.get(request["DatasetArn"])
    after, size = _last_position(request), page_size(request)
    where, values = _filters(request)
    rows = account.database.fetch_all(
        f"SELECT * FROM entry WHERE dataset = ? AND position > ?{where} ORDER BY position LIMIT ?",  # noqa: S608
        request["DatasetArn"],
        after,
        *values,
        size + 1,
    )
    more = next_token(request, str(rows[size - 1]["position"])) if len(rows) > size else {}
    return {"DatasetEntries": [entry_from_row(row).to_validated_line() for row in rows[:size]], **more}


def _last_position(request: dict[str, Any]) -> int:
    try:
        return int(last_key(request) or 0)
    except ValueError as error:
        raise ServiceError("InvalidPaginationTokenException", "Invalid pagination token") from error


def _filters(request: dict[str, Any]) -> tuple[str, list[Any]]:
    """Return the conditions as SQL, and their values."""
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


def list_labels(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    account.datasets.get(request["DatasetArn"])
    counts = account.datasets.count_labels(request["DatasetArn"])
    page, more = paginate(counts, lambda row: str(row["label"]), request)
    return {
        "DatasetLabelDescriptions": [
            {"LabelName": row["label"], "LabelStats": {"EntryCount": row["images"], "BoundingBoxCount": 0}}
            for row in page
        ],
        **more,
    }


def update_entries(account: CustomLabelsAccount, request: dict[str, Any]) -> dict[str, Any]:
    """Replace the entries of stored images and append others; one invalid line rejects the whole request."""
    arn, lines = request["DatasetArn"], _read_lines(request["Changes"]["GroundTruth"])
    entries = parse_entries(lines)
    for entry in entries:
        if errors := REJECTING_ERRORS.intersection(entry.errors):
            raise ServiceError("InvalidParameterException", f"Line {entry.number}: {', '.join(errors)}")
    with account.database.transaction():
        account.datasets.get(arn)
        account.datasets.upsert_entries(arn, entries)
        if account.database.fetch_count("SELECT count(*) FROM entry WHERE dataset = ?", arn) > MAX_ROWS:
            raise ServiceError("LimitExceededException", f"A dataset may have at most {MAX_ROWS} entries")
        account.datasets.record_update(arn)
    return {}


def _read_lines(changes: bytes) -> list[str]:
    """Read JSON lines or, as in the console's examples, one JSON array of them."""
    try:
        text = changes.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ServiceError("InvalidParameterException", "Changes.GroundTruth is not UTF-8") from error
    if text.lstrip().startswith("["):
        try:
            return [json.dumps(record) for record in json.loads(text)]
        except ValueError as error:
            raise ServiceError("InvalidParameterException", "Changes.GroundTruth is not JSON") from error
    return text.split("\n")
