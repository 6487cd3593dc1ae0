"""Histories of executions as Step Functions writes them, one event a second."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

T0 = datetime(2026, 1, 1, tzinfo=UTC)
AWS_TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc" + "x/+=" * 20


class Recorder:
    """Writes a history as Step Functions does, one event a second."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def __call__(self, kind: str, previous: int | None = None, /, **details: Any) -> int:
        number = len(self.events) + 1
        group = "state" if "State" in kind and kind.endswith(("Entered", "Exited")) else kind
        name = {"state": "stateEntered" if kind.endswith("Entered") else "stateExited"}.get(group, kind)
        event = {
            "id": number,
            "previousEventId": number - 1 if previous is None else previous,
            "type": kind,
            "timestamp": T0 + timedelta(seconds=number),
        }
        if details:
            event[f"{name[0].lower()}{name[1:]}EventDetails"] = details
        self.events.append(event)
        return number

    def enter(self, kind: str, name: str, previous: int | None = None, document: object = None) -> int:
        return self(f"{kind}StateEntered", previous, name=name, input=json.dumps(document or {}))

    def leave(self, kind: str, name: str, previous: int | None = None, document: object = None) -> int:
        return self(f"{kind}StateExited", previous, name=name, output=json.dumps(document or {}))
