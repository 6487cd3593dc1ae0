"""The selected step of an execution's view, for events of any recorder."""

import json
from typing import Any

import pytest

from review_app.executions.execution_view import build_execution_view
from workflow.history.archive import ExecutionRecord

AT = "2026-01-01T00:00:0{}+00:00"


def record_of(numbers: list[Any]) -> ExecutionRecord:
    kinds = ["ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskSucceeded", "TaskStateExited"]
    events = tuple(
        {
            "id": number,
            "type": kind,
            "timestamp": AT.format(place),
            "taskStateEnteredEventDetails": {"name": "a"},
        }
        for place, (number, kind) in enumerate(zip(numbers, kinds, strict=True))
    )
    return ExecutionRecord(
        execution="x-1", status="SUCCEEDED", started_at=AT.format(0), stopped_at=AT.format(4), events=events
    )


@pytest.mark.parametrize("numbers", [[1, 2, 3, 4, 5], [[0]] * 5, [None] * 5], ids=["whole", "lists", "none"])
def test_a_steps_raw_events_are_shown_in_order_whatever_their_numbers_are(numbers: list[Any]) -> None:
    view = build_execution_view(record_of(numbers))

    assert view.selected is not None
    kinds = [json.loads(event)["type"] for event in view.selected.events]
    assert kinds == ["TaskStateEntered", "TaskScheduled", "TaskSucceeded", "TaskStateExited"]
