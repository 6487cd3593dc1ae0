"""Records of executions: the complete history without task tokens, readable after AWS deletes it."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol

from workflow import timestamps
from workflow.history.events import sort_events
from workflow.history.parser import parse_steps
from workflow.history.redaction import TokenRedactor
from workflow.history.step import ExecutionStep

SCHEMA = "partcheck-execution-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionRecord:
    """One execution as read at `read_at`: its status, the definition it ran, and every event, redacted."""

    execution: str
    status: str
    started_at: str
    stopped_at: str = ""
    error: str = ""
    cause: str = ""
    read_at: str = ""
    definition: Mapping[str, Any] = field(default_factory=dict)
    events: tuple[Mapping[str, Any], ...] = ()
    inspection: Mapping[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> tuple[ExecutionStep, ...]:
        """The steps of the execution in order."""
        return parse_steps(self.events)

    @property
    def has_ended(self) -> bool:
        """True if only a redrive can add events."""
        return bool(self.stopped_at)

    @property
    def is_final(self) -> bool:
        """True if no event can be added, not even by a redrive."""
        return self.has_ended and self.status == "SUCCEEDED"


class ExecutionArchive(Protocol):
    """The permanent archive of execution records."""

    def get(self, execution: str) -> ExecutionRecord | None:
        """Return the record of an execution, or None."""

    def save(self, record: ExecutionRecord) -> None:
        """Store a record; it replaces an earlier one of the same execution."""


class HistorySource(Protocol):
    """The source of current execution histories, including running executions."""

    def fetch(self, execution: str) -> ExecutionRecord | None:
        """Return the current record of an execution, or None if the source no longer has it."""


def load_latest(
    archive: ExecutionArchive, history_source: HistorySource, execution: str
) -> ExecutionRecord | None:
    """Return the archived record if it is final, otherwise the current one, otherwise the archived one."""
    archived = archive.get(execution)
    if archived is not None and archived.is_final:
        return archived
    return history_source.fetch(execution) or archived


def redact_events(events: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Return the events as plain JSON without task tokens; they parse to the same steps as the originals."""
    originals = list(events)
    redactor = TokenRedactor(sort_events(originals))
    return tuple(
        {name: _redact_details(redactor, value) for name, value in event.items()} for event in originals
    )


def _redact_details(redactor: TokenRedactor, value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamps.format_timestamp(value)
    if not isinstance(value, Mapping):
        return value
    return {key: _redact_payload(redactor, key, item) for key, item in value.items() if item is not None}


def _redact_payload(redactor: TokenRedactor, key: str, value: Any) -> Any:
    """Redact a payload; a JSON text stays text, so that the events keep the form that AWS returns."""
    redacted = redactor.redact({key: redactor.redact(value)})
    (payload,) = redacted.values()
    return json.dumps(payload) if isinstance(value, str) and not isinstance(payload, str) else payload


def to_gzip(record: ExecutionRecord) -> bytes:
    """Serialize a record as compressed JSON; the same record gives the same bytes."""
    return gzip.compress(to_json(record).encode(), mtime=0)


def from_gzip(content: bytes) -> ExecutionRecord:
    """Parse a record from compressed JSON."""
    return from_json(gzip.decompress(content).decode())


def to_json(record: ExecutionRecord) -> str:
    """Serialize a record as JSON."""
    return json.dumps({"schema": SCHEMA, **asdict(record)}, ensure_ascii=False)


def from_json(document: str | bytes) -> ExecutionRecord:
    """Parse a record from JSON; raise ValueError with one sentence if the document is no record."""
    try:
        fields = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"This is not an exported execution: it is not JSON ({error}).") from error
    if not isinstance(fields, dict) or fields.pop("schema", None) != SCHEMA:
        raise ValueError(f"This is not an exported execution: it lacks the schema {SCHEMA}.")
    fields = {name: value for name, value in fields.items() if name in ExecutionRecord.__dataclass_fields__}
    if not isinstance(fields.get("events", []), list) or not isinstance(fields.get("definition", {}), dict):
        raise ValueError("This is not an exported execution: its events or its definition are missing.")
    try:
        return ExecutionRecord(**{**fields, "events": tuple(fields.get("events", ()))})
    except TypeError as error:
        raise ValueError(
            "This is not an exported execution: its name, status or start is missing."
        ) from error
