"""The drawing of an execution graph: state boxes with their status, and the path that was taken."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from review_app.executions.graph.definition_parser import parse_definition
from review_app.executions.graph.layout import Box, EdgeRoute, GraphLayout, Point, compute_layout
from workflow.history.step import MODEL_WAIT, ExecutionStep, StepStatus

PADDING = 8.0
_CHOICE_CORNER, _ROUND_CORNER, _BOX_CORNER = 10, 20, 7
_STYLES = {
    StepStatus.RUNNING: "running",
    StepStatus.WAITING: "waiting",
    StepStatus.SUCCEEDED: "succeeded",
    StepStatus.CAUGHT: "caught",
    StepStatus.FAILED: "failed",
    StepStatus.TIMED_OUT: "failed",
    StepStatus.ABORTED: "aborted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnState:
    """A state in the drawing: its status, the number of its visits, and the id of its latest step."""

    box: Box
    style: str
    label: str
    visits: int
    step: int | None

    @property
    def corner_radius(self) -> int:
        """The corner radius of the box, in pixels."""
        return _ROUND_CORNER if self.box.type in ("Succeed", "Fail", "Wait") else _BOX_CORNER

    @property
    def choice_outline(self) -> str:
        """The SVG path of a Choice state's hexagon, otherwise empty."""
        if self.box.type != "Choice":
            return ""
        left, right = self.box.x, self.box.x + self.box.width
        top, middle, bottom = self.box.y, self.box.y + self.box.height / 2, self.box.y + self.box.height
        inner_left, inner_right = left + _CHOICE_CORNER, right - _CHOICE_CORNER
        return (
            f"M{inner_left:.1f} {top:.1f}H{inner_right:.1f}L{right:.1f} {middle:.1f}"
            f"L{inner_right:.1f} {bottom:.1f}H{inner_left:.1f}L{left:.1f} {middle:.1f}Z"
        )


@dataclass(frozen=True, slots=True)
class DrawnEdge:
    """A transition in the drawing: its SVG path, and how often the execution took it."""

    route: EdgeRoute
    path: str
    times_taken: int

    @property
    def style(self) -> str:
        """Its style: `idle`, `taken` or `caught`."""
        if not self.times_taken:
            return "idle"
        return "caught" if self.route.transition.kind == "catch" else "taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphDrawing:
    """The drawing that the template renders; taken edges come last, so that they are on top."""

    width: float
    height: float
    states: tuple[DrawnState, ...]
    edges: tuple[DrawnEdge, ...]


def draw_graph(definition: Mapping[str, Any], steps: Sequence[ExecutionStep]) -> GraphDrawing:
    """Draw a state machine with the path of an execution; the layout is cached by definition."""
    layout = cached_layout(json.dumps(definition, sort_keys=False))
    latest = {step.name: step for step in steps}
    visits = Counter(step.name for step in steps)
    taken = Counter(_transitions_taken(steps))
    edges = (
        DrawnEdge(
            route,
            _svg_path(route.points),
            taken[route.transition.source, route.transition.target, route.transition.kind == "catch"],
        )
        for route in layout.routes
    )
    return GraphDrawing(
        width=layout.width + 2 * PADDING,
        height=layout.height + 2 * PADDING,
        states=tuple(_draw_state(box, latest.get(box.name), visits[box.name]) for box in layout.boxes),
        edges=tuple(sorted(edges, key=lambda edge: edge.times_taken)),
    )


@lru_cache(maxsize=64)
def cached_layout(definition: str) -> GraphLayout:
    """Return the layout of a definition (JSON), computed once in each process."""
    return compute_layout(parse_definition(json.loads(definition))).translated(PADDING, PADDING)


def definition_digest(definition: Mapping[str, Any]) -> str:
    """Return a short digest that identifies a definition."""
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:8]


def step_style(step: ExecutionStep) -> str:
    """Return the style of a step's status.

    A Fail state counts as failed although it ends normally, and a wait for the model as running, since no
    person has to act.
    """
    if step.name == MODEL_WAIT and step.status is StepStatus.WAITING:
        return "running"
    return "failed" if step.type == "Fail" else _STYLES[step.status]


def _draw_state(box: Box, step: ExecutionStep | None, visits: int) -> DrawnState:
    if step is None:
        return DrawnState(box=box, style="not-entered", label="not entered", visits=0, step=None)
    times = f", {visits} times" if visits > 1 else ""
    return DrawnState(
        box=box, style=step_style(step), label=f"{step.status_text}{times}", visits=visits, step=step.id
    )


def _transitions_taken(steps: Iterable[ExecutionStep]) -> Iterator[tuple[str, str, bool]]:
    """Yield each transition that the execution took, within each branch: source, target, whether by a catch.

    A timeout may lead to the same state as success.
    """
    last_in_branch: dict[tuple[int | None, tuple[str, ...]], ExecutionStep] = {}
    for step in steps:
        branch = (step.parent_id, step.branch)
        if branch in last_in_branch:
            last = last_in_branch[branch]
            yield last.name, step.name, last.status is StepStatus.CAUGHT
        last_in_branch[branch] = step


def _svg_path(points: Sequence[Point]) -> str:
    """Return an SVG path with straight lines within layers and curves between them."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        if abs(x0 - x1) < 0.1 or abs(y0 - y1) < 0.1:
            parts.append(f"L{x1:.1f} {y1:.1f}")
        else:
            middle = (y0 + y1) / 2
            parts.append(f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}")
    return "".join(parts)
