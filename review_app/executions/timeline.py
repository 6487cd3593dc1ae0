"""The timeline: steps as bars on a logarithmic scale that shows 50 ms beside seven days."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from review_app.executions.graph.drawing import step_style
from workflow.history.step import MODEL_WAIT, ExecutionStep, StepStatus

WIDTH = 1000.0
MIN_BAR_WIDTH = 20.0
SCALE_SECONDS = 0.05
HATCH_SPACING, HATCH_OFFSET = 14, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineBar:
    """The bar of one step. `x` and `width` are parts of WIDTH; `seconds` is the step's duration so far.

    `is_human` is true if the step waits for a person's answer.
    """

    step: ExecutionStep
    style: str
    x: float
    width: float
    seconds: float
    is_open: bool
    is_human: bool

    @property
    def hatching(self) -> str:
        """The SVG path of the hatching on a step that waits for a person, otherwise empty."""
        if not self.is_human:
            return ""
        offsets = (
            self.x + number * HATCH_SPACING + HATCH_OFFSET
            for number in range(int(self.width / HATCH_SPACING))
        )
        return "".join(f"M{offset:.0f} 16l8 -16" for offset in offsets)


def build_bars(steps: Sequence[ExecutionStep], now: datetime) -> list[TimelineBar]:
    """Build a bar for each step.

    The scale is logarithmic in the time between two successive moments at which steps start or end.
    """
    if not steps:
        return []
    moments = sorted({at for step in steps for at in (step.entered_at, step.exited_at or now)})
    positions = [0.0]
    for before, after in pairwise(moments):
        positions.append(positions[-1] + math.log1p((after - before).total_seconds() / SCALE_SECONDS))
    scale = (WIDTH - MIN_BAR_WIDTH) / positions[-1] if positions[-1] else 0.0
    x_of = dict(zip(moments, (position * scale for position in positions), strict=True))
    return [
        TimelineBar(
            step=step,
            style=step_style(step),
            x=x_of[step.entered_at],
            width=max(MIN_BAR_WIDTH, x_of[step.exited_at or now] - x_of[step.entered_at]),
            seconds=((step.exited_at or now) - step.entered_at).total_seconds(),
            is_open=step.exited_at is None,
            is_human=is_human_wait(step),
        )
        for step in steps
    ]


def is_human_wait(step: ExecutionStep) -> bool:
    """Return True if the step waits, or waited, for a person's answer to a task token."""
    is_wait = step.status is StepStatus.WAITING or any(
        ".waitForTaskToken" in attempt.resource for attempt in step.attempts
    )
    return is_wait and step.name != MODEL_WAIT
