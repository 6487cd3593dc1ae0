"""One execution as its page shows it: the drawing, the bars, and the step that is looked at."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from review_app.graph.drawing import Drawing, draw, kind, revision
from review_app.timeline import Bar, bars
from workflow.history.archive import Record
from workflow.history.events import in_order, number
from workflow.history.step import Step

MOST_SHOWN = 20_000


@dataclass(frozen=True, slots=True)
class Payload:
    """A JSON value as text, cut where a page would get too heavy."""

    name: str
    text: str
    cut: bool


@dataclass(frozen=True, slots=True)
class Storyboard:
    """Everything that a page tells of one execution."""

    record: Record
    drawing: Drawing
    bars: Sequence[Bar]
    step: Step | None
    step_kind: str
    payloads: Sequence[Payload]
    events: Sequence[str]
    definition: str
    seconds: float


def storyboard(record: Record, wanted: int | None = None) -> Storyboard:
    """An execution with one step opened: the one asked for, else the one that went wrong, else the last."""
    now = datetime.now(UTC)
    steps = record.steps
    step = opened(steps, wanted)
    return Storyboard(
        record,
        draw(record.definition, steps),
        bars(steps, now),
        step,
        kind(step) if step else "",
        _payloads(step) if step else (),
        _events(record, step, steps) if step else (),
        revision(record.definition),
        _seconds(record, now),
    )


def opened(steps: Sequence[Step], wanted: int | None) -> Step | None:
    """The step to show: the cause of a failure rather than the Fail state that it led to."""
    chosen = next((step for step in steps if step.id == wanted), None)
    if chosen or not steps:
        return chosen
    failed = [step for step in steps if kind(step) == "failed"]
    real = [step for step in failed if step.type != "Fail" and not step_holds(step, failed)]
    waiting = [step for step in steps if step.exited_at is None]
    return (real or failed or waiting or list(steps))[-1]


def step_holds(step: Step, others: Sequence[Step]) -> bool:
    """Whether another failed step lies in a branch of this one."""
    return any(other.within == step.id for other in others)


def _payloads(step: Step) -> list[Payload]:
    asked = step.attempts[-1].input if step.attempts else None
    named = (("Input", step.input), ("Asked", asked), ("Output", step.output))
    return [_payload(name, value) for name, value in named if value is not None]


def _payload(name: str, value: Any) -> Payload:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return Payload(name, text[:MOST_SHOWN], len(text) > MOST_SHOWN)


def _events(record: Record, step: Step, steps: Sequence[Step]) -> list[str]:
    """The raw events of a step: those that lead back to its entrance before another step's."""
    entrances = {one.id for one in steps}
    history = in_order(record.events)
    before = {event.id: event.previous for event in history}
    raw = {number(event, place): event for place, event in enumerate(record.events, start=1)}
    return [
        json.dumps(raw[event.id], indent=2, ensure_ascii=False)[:MOST_SHOWN]
        for event in history
        if _entrance(event.id, before, entrances) == step.id
    ]


def _entrance(event: int, before: Mapping[int, int], entrances: set[int]) -> int | None:
    seen: set[int] = set()
    while event not in entrances:
        if event in seen or event not in before:
            return None
        seen.add(event)
        event = before[event]
    return event


def _seconds(record: Record, now: datetime) -> float:
    started = datetime.fromisoformat(record.started_at)
    stopped = datetime.fromisoformat(record.stopped_at) if record.stopped_at else now
    return max(0.0, (stopped - started).total_seconds())
