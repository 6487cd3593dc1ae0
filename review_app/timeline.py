"""Steps as bars on a scale on which 50 ms can be seen beside seven days."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from review_app.graph.drawing import kind
from workflow.history.step import Status, Step

WIDTH = 1000.0
NARROWEST = 20.0
SHORTEST = 0.05


@dataclass(frozen=True, slots=True)
class Bar:
    """One step: where its bar begins and how wide it is, of `WIDTH`; `seconds` is so far while it lasts."""

    step: Step
    kind: str
    x: float
    width: float
    seconds: float
    lasts: bool
    human: bool


def bars(steps: Sequence[Step], now: datetime) -> list[Bar]:
    """A bar for each step. Between two moments at which anything began or ended, time counts by its size."""
    if not steps:
        return []
    moments = sorted({at for step in steps for at in (step.entered_at, step.exited_at or now)})
    places = [0.0]
    for before, after in pairwise(moments):
        places.append(places[-1] + math.log1p((after - before).total_seconds() / SHORTEST))
    scale = (WIDTH - NARROWEST) / places[-1] if places[-1] else 0.0
    at = dict(zip(moments, (place * scale for place in places), strict=True))
    return [
        Bar(
            step,
            kind(step),
            at[step.entered_at],
            max(NARROWEST, at[step.exited_at or now] - at[step.entered_at]),
            ((step.exited_at or now) - step.entered_at).total_seconds(),
            step.exited_at is None,
            waits_for_a_person(step),
        )
        for step in steps
    ]


def waits_for_a_person(step: Step) -> bool:
    """Whether somebody had to answer before it went on."""
    return step.status is Status.WAITING or any(
        ".waitForTaskToken" in attempt.resource for attempt in step.attempts
    )
