"""The view of one execution: its graph, its timeline, and the selected step."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from review_app.executions.graph.drawing import GraphDrawing, definition_digest, draw_graph, step_style
from review_app.executions.timeline import TimelineBar, build_bars
from workflow.history.archive import ExecutionRecord
from workflow.history.events import event_number, sort_events
from workflow.history.step import ExecutionStep, StepAttempt

MAX_PAYLOAD_LENGTH = 20_000
MAX_BARS = 200
MAX_EVENTS = 40
MAX_CAUSE_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Payload:
    """A JSON value as text, truncated to MAX_PAYLOAD_LENGTH characters."""

    name: str
    text: str
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptView:
    """An attempt at a step; `seconds` is None while it runs."""

    number: int
    redrive: int
    started_at: str
    seconds: float | None
    status: str
    error: str
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """The selected step; `attempts` is empty if the only attempt succeeded."""

    step: ExecutionStep
    style: str
    entered_at: str
    attempts: Sequence[AttemptView]
    payloads: Sequence[Payload]
    events: Sequence[str]
    event_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionView:
    """All values that the pages of an execution show; `seconds` is its duration so far."""

    record: ExecutionRecord
    drawing: GraphDrawing
    bars: Sequence[TimelineBar]
    bar_count: int
    selected: StepView | None
    definition: str
    seconds: float


def build_execution_view(record: ExecutionRecord, step_id: int | None = None) -> ExecutionView:
    """Build the view of an execution with one step selected, by default the failed or the last one."""
    now = datetime.now(UTC)
    steps = record.steps
    step = select_step(steps, step_id)
    bars = build_bars(steps, now)
    return ExecutionView(
        record=record,
        drawing=draw_graph(record.definition, steps),
        bars=bars[:MAX_BARS],
        bar_count=len(bars),
        selected=_step_view(record, step, steps) if step else None,
        definition=definition_digest(record.definition),
        seconds=_seconds(record, now),
    )


def select_step(steps: Sequence[ExecutionStep], step_id: int | None) -> ExecutionStep | None:
    """Return the step with this id, otherwise the one to show first.

    That is the last failed step, but rather the cause of a failure than the Fail state that follows; without
    a failure the last open step, otherwise the last step.
    """
    selected = next((step for step in steps if step.id == step_id), None)
    if selected or not steps:
        return selected
    failed = [step for step in steps if step_style(step) == "failed"]
    causes = [step for step in failed if step.type != "Fail" and not contains_failed_step(step, failed)]
    unfinished = [step for step in steps if step.exited_at is None]
    return (causes or failed or unfinished or list(steps))[-1]


def contains_failed_step(step: ExecutionStep, failed: Sequence[ExecutionStep]) -> bool:
    """Return True if one of the failed steps is in a branch of this step."""
    return any(other.parent_id == step.id for other in failed)


def _step_view(record: ExecutionRecord, step: ExecutionStep, steps: Sequence[ExecutionStep]) -> StepView:
    events = _raw_events(record, step, steps)
    show_attempts = len(step.attempts) > 1 or any(attempt.error for attempt in step.attempts)
    return StepView(
        step=step,
        style=step_style(step),
        entered_at=_time_of_day(step.entered_at),
        attempts=[_attempt_view(attempt) for attempt in step.attempts] if show_attempts else (),
        payloads=_payloads(step),
        events=events[:MAX_EVENTS],
        event_count=len(events),
    )


def _attempt_view(attempt: StepAttempt) -> AttemptView:
    seconds = (attempt.ended_at - attempt.scheduled_at).total_seconds() if attempt.ended_at else None
    return AttemptView(
        number=attempt.number,
        redrive=attempt.redrive,
        started_at=_time_of_day(attempt.scheduled_at),
        seconds=seconds,
        status=attempt.status.value,
        error=attempt.error,
        cause=attempt.cause[:MAX_CAUSE_LENGTH],
    )


def _time_of_day(at: datetime) -> str:
    """Format a time to the millisecond, without its date."""
    return at.isoformat(timespec="milliseconds")[11:23]


def _payloads(step: ExecutionStep) -> list[Payload]:
    parameters = step.attempts[-1].input if step.attempts else None
    values = (("Input", step.input), ("Parameters", parameters), ("Output", step.output))
    return [_payload(name, value) for name, value in values if value is not None]


def _payload(name: str, value: Any) -> Payload:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return Payload(name, text[:MAX_PAYLOAD_LENGTH], len(text) > MAX_PAYLOAD_LENGTH)


def _raw_events(record: ExecutionRecord, step: ExecutionStep, steps: Sequence[ExecutionStep]) -> list[str]:
    """Return the step's events as JSON: those whose chain of predecessors reaches its entry first."""
    entries = {other.id for other in steps}
    history = sort_events(record.events)
    previous = {event.id: event.previous_id for event in history}
    raw = {event_number(event, place): event for place, event in enumerate(record.events, start=1)}
    return [
        json.dumps(raw[event.id], indent=2, ensure_ascii=False)[:MAX_PAYLOAD_LENGTH]
        for event in history
        if _entry_before(event.id, previous, entries) == step.id
    ]


def _entry_before(event: int, previous: Mapping[int, int], entries: set[int]) -> int | None:
    """Follow an event's predecessors to the first entry of a step, None if there is none."""
    visited: set[int] = set()
    while event not in entries:
        if event in visited or event not in previous:
            return None
        visited.add(event)
        event = previous[event]
    return event


def _seconds(record: ExecutionRecord, now: datetime) -> float:
    started = datetime.fromisoformat(record.started_at)
    stopped = datetime.fromisoformat(record.stopped_at) if record.stopped_at else now
    return max(0.0, (stopped - started).total_seconds())
