"""Histories of executions as Step Functions writes them, one event a second."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

T0 = datetime(2026, 1, 1, tzinfo=UTC)
AWS_TOKEN = "AQCEAAAAKgAAAAMAAAAAAAAAAc" + "x/+=" * 20


class Recorder:
    """A recorder that writes a history as Step Functions does, one event a second."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []

    def __call__(self, event_type: str, previous: int | None = None, /, **details: Any) -> int:
        number = len(self.events) + 1
        group = (
            "state" if "State" in event_type and event_type.endswith(("Entered", "Exited")) else event_type
        )
        name = {"state": "stateEntered" if event_type.endswith("Entered") else "stateExited"}.get(
            group, event_type
        )
        event = {
            "id": number,
            "previousEventId": number - 1 if previous is None else previous,
            "type": event_type,
            "timestamp": T0 + timedelta(seconds=number),
        }
        if details:
            event[f"{name[0].lower()}{name[1:]}EventDetails"] = details
        self.events.append(event)
        return number

    def enter(self, state_type: str, name: str, previous: int | None = None, document: object = None) -> int:
        return self(f"{state_type}StateEntered", previous, name=name, input=json.dumps(document or {}))

    def leave(self, state_type: str, name: str, previous: int | None = None, document: object = None) -> int:
        return self(f"{state_type}StateExited", previous, name=name, output=json.dumps(document or {}))
