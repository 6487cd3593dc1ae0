"""Find the inspections that a text names: by execution, id, first digits of the id, key, or photo name."""

import re
from collections.abc import Iterable, Sequence

from workflow.errors import NotFound
from workflow.inspections.inspection import ExecutionName, Inspection, InspectionState
from workflow.inspections.objects import InspectionId
from workflow.inspections.repository import InspectionDatabase
from workflow.pipeline.executions import execution_name
from workflow.plurals import pluralize

RECENT = 1000

_ID = re.compile(r"[0-9a-f]{64}")
_EXECUTION = re.compile(r"([0-9a-f]{64})-\d+")
_ID_PREFIX = re.compile(r"([0-9a-f]{4,63})…?(?:-(\d+))?")
_S3_URI = re.compile(r"s3://[^/]+/(.+)", re.DOTALL)


def find_execution_name(text: str, row: Inspection | None) -> ExecutionName:
    """Return the name of the execution that a text names, or of the inspection's newest. Empty if unknown."""
    if _EXECUTION.fullmatch(text):
        return ExecutionName(text)
    if row is None:
        return ExecutionName("")
    prefix = _ID_PREFIX.fullmatch(text)
    is_attempt = prefix is not None and prefix[2] and row.id.startswith(prefix[1])
    return execution_name(row.id, int(prefix[2])) if prefix and is_attempt else row.owner


def find_all(inspections: InspectionDatabase, text: str) -> list[Inspection]:
    """Return every inspection that a text matches, newest first. Names take precedence over id prefixes."""
    execution = _EXECUTION.fullmatch(text)
    if execution or _ID.fullmatch(text):
        row = inspections.get(InspectionId(execution[1] if execution else text))
        return [row] if row else []
    return _find_by_key(inspections, text) or _find_by_id_prefix(inspections, text)


def find_newest_match(inspections: InspectionDatabase, text: str) -> tuple[Inspection, int]:
    """Return the newest inspection that a text matches and the number of other matches.

    Raise NotFound if there is none.
    """
    matches = find_all(inspections, text)
    if not matches:
        raise NotFound(
            f"No inspection of {text!r}: name a photo, its key in S3, an execution, "
            f"or at least four digits of an inspection's id (among the newest {RECENT:,})."
        )
    return matches[0], len(matches) - 1


def resolve_ids(inspections: InspectionDatabase, texts: Iterable[str]) -> list[InspectionId]:
    """Return the id of the newest match of each text, without duplicates.

    Raise NotFound if one text matches nothing.
    """
    return list(dict.fromkeys(find_newest_match(inspections, text)[0].id for text in texts))


def ambiguity_message(rows: Sequence[Inspection], noun: str, text: str) -> str:
    """Return the error message for a text that matches several inspections."""
    ids = ", ".join(row.id[:12] for row in rows)
    return f"{pluralize(len(rows), noun)} match {text!r}: name one by its id ({ids})."


def _find_by_key(inspections: InspectionDatabase, text: str) -> list[Inspection]:
    uri = _S3_URI.fullmatch(text)
    key = uri[1] if uri else text
    rows = inspections.list_by_name(key.rsplit("/", 1)[-1] or key)
    if "/" not in key:
        return rows
    return [row for row in rows if key in (row.image.key, row.location.key)]


def _find_by_id_prefix(inspections: InspectionDatabase, text: str) -> list[Inspection]:
    match = _ID_PREFIX.fullmatch(text)
    if not match:
        return []
    prefix = match[1]
    recent = {row.id: row for row in inspections.list_newest(RECENT) if row.id.startswith(prefix)}
    waiting = (row for row in inspections.list_by_state(InspectionState.WAITING) if row.id.startswith(prefix))
    matches = {**recent, **{row.id: row for row in waiting}}
    return sorted(matches.values(), key=lambda row: row.claimed_at, reverse=True)
