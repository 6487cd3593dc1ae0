"""What an execution's page tells of one step, whoever recorded the events."""

import json
from typing import Any

import pytest

from review_app.storyboard import storyboard
from workflow.history.archive import Record

AT = "2026-01-01T00:00:0{}+00:00"


def told(numbers: list[Any]) -> Record:
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
    return Record("x-1", "SUCCEEDED", AT.format(0), AT.format(4), events=events)


@pytest.mark.parametrize("numbers", [[1, 2, 3, 4, 5], [[0]] * 5, [None] * 5], ids=["whole", "lists", "none"])
def test_a_steps_raw_events_are_shown_in_order_whatever_their_numbers_are(numbers: list[Any]) -> None:
    board = storyboard(told(numbers))

    kinds = [json.loads(event)["type"] for event in board.events]
    assert kinds == ["TaskStateEntered", "TaskScheduled", "TaskSucceeded", "TaskStateExited"]
