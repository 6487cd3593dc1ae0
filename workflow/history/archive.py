"""Records of executions: everything that an execution did, free of tokens, to be read when AWS forgot it."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Protocol

from workflow import timestamps
from workflow.history.events import in_order
from workflow.history.parser import Step, steps
from workflow.history.redaction import Secrets

SCHEMA = "partcheck-execution-1"


@dataclass(frozen=True, slots=True)
class Record:
    """One execution as it was told at `read_at`: its facts, the definition it ran, every event, redacted."""

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
    def steps(self) -> tuple[Step, ...]:
        """What it did, step by step."""
        return steps(self.events)

    @property
    def ended(self) -> bool:
        """Whether nothing can be added any more, but by a redrive."""
        return bool(self.stopped_at)

    @property
    def final(self) -> bool:
        """Whether nothing can be added, not even by a redrive."""
        return self.ended and self.status == "SUCCEEDED"


class Archive(Protocol):
    """Where records are kept for as long as anybody may ask."""

    def get(self, execution: str) -> Record | None:
        """The record of an execution, or None."""

    def keep(self, record: Record) -> None:
        """Keep a record; a later one of the same execution takes its place."""


class Histories(Protocol):
    """Whoever can still tell of executions, running ones too."""

    def told(self, execution: str) -> Record | None:
        """What is told of an execution now, or None when it is forgotten."""


def latest(archive: Archive, histories: Histories, execution: str) -> Record | None:
    """The record of an execution: the archived one, if it is final, else what is told of it now."""
    kept = archive.get(execution)
    return kept if kept is not None and kept.final else histories.told(execution) or kept


def redacted(events: Iterable[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    """Events as plain JSON in which no task token is left; steps are read from them as from the originals."""
    given = list(events)
    secrets = Secrets(in_order(given))
    return tuple({name: _told(secrets, value) for name, value in event.items()} for event in given)


def _told(secrets: Secrets, value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamps.text(value)
    if not isinstance(value, Mapping):
        return value
    return {key: _payload(secrets, key, one) for key, one in value.items() if one is not None}


def _payload(secrets: Secrets, key: str, value: Any) -> Any:
    """JSON texts stay texts, so that readers find events in the form in which AWS tells them."""
    clean = secrets.value({key: secrets.value(value)})
    (told,) = clean.values()
    return json.dumps(told) if isinstance(value, str) and not isinstance(told, str) else told


def packed(record: Record) -> bytes:
    """A record as a small file: compressed JSON, the same bytes for the same record."""
    return gzip.compress(text(record).encode(), mtime=0)


def unpacked(content: bytes) -> Record:
    """The record that a file holds."""
    return parsed(gzip.decompress(content).decode())


def text(record: Record) -> str:
    """A record as JSON."""
    return json.dumps({"schema": SCHEMA, **asdict(record)}, ensure_ascii=False)


def parsed(document: str | bytes) -> Record:
    """The record that a JSON document holds; ValueError in one sentence if it holds none."""
    try:
        plain = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"This is no exported execution: it is not JSON ({error}).") from error
    if not isinstance(plain, dict) or plain.pop("schema", None) != SCHEMA:
        raise ValueError(f"This is no exported execution: it lacks the schema {SCHEMA}.")
    plain = {name: value for name, value in plain.items() if name in Record.__dataclass_fields__}
    if not isinstance(plain.get("events", []), list) or not isinstance(plain.get("definition", {}), dict):
        raise ValueError("This is no exported execution: its events or its definition are missing.")
    try:
        return Record(**{**plain, "events": tuple(plain.get("events", ()))})
    except TypeError as error:
        raise ValueError("This is no exported execution: its name, status or start is missing.") from error
