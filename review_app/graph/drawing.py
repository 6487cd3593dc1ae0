"""A machine's picture with what an execution did in it: states as they ended, the path it took."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

from review_app.graph.layout import Box, Line, Picture, layout
from review_app.graph.machine import read
from workflow.history.step import Status, Step

EDGE = 8.0
_KINDS = {
    Status.RUNNING: "running",
    Status.WAITING: "waiting",
    Status.SUCCEEDED: "succeeded",
    Status.CAUGHT: "caught",
    Status.FAILED: "failed",
    Status.TIMED_OUT: "failed",
    Status.ABORTED: "aborted",
}


@dataclass(frozen=True, slots=True)
class Node:
    """A state as it is drawn: how it stands, how often it was entered, its latest step."""

    box: Box
    kind: str
    words: str
    visits: int
    step: int | None


@dataclass(frozen=True, slots=True)
class Path:
    """A transition as it is drawn: an SVG path, and how often the execution went along it."""

    line: Line
    d: str
    taken: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the template draws."""

    width: float
    height: float
    nodes: tuple[Node, ...]
    paths: tuple[Path, ...]


def draw(definition: Mapping[str, Any], steps: Sequence[Step]) -> Drawing:
    """The machine's picture, which is kept, and this execution's way through it."""
    picture = pictured(json.dumps(definition, sort_keys=False))
    latest = {step.name: step for step in steps}
    visits = Counter(step.name for step in steps)
    ways = Counter(_ways(steps))
    nodes = (_node(box, latest.get(box.name), visits[box.name]) for box in picture.boxes)
    paths = (
        Path(line, _curve(line.points), ways[line.transition.source, line.transition.target])
        for line in picture.lines
    )
    return Drawing(picture.width + 2 * EDGE, picture.height + 2 * EDGE, tuple(nodes), tuple(paths))


@lru_cache(maxsize=64)
def pictured(definition: str) -> Picture:
    """The picture of a definition, made once a process."""
    return layout(read(json.loads(definition))).moved(EDGE, EDGE)


def revision(definition: Mapping[str, Any]) -> str:
    """A short name for what a definition says."""
    return hashlib.sha256(json.dumps(definition, sort_keys=True).encode()).hexdigest()[:8]


def kind(step: Step) -> str:
    """How a step stands, in the word that styles go by; a Fail state fails although it ends as meant."""
    return "failed" if step.type == "Fail" else _KINDS[step.status]


def _node(box: Box, step: Step | None, visits: int) -> Node:
    if step is None:
        return Node(box, "untouched", "not entered", 0, None)
    times = f", {visits} times" if visits > 1 else ""
    return Node(box, kind(step), f"{step.status.value}{times}", visits, step.id)


def _ways(steps: Iterable[Step]) -> Iterable[tuple[str, str]]:
    """From which state to which the execution went, within each branch."""
    last: dict[tuple[int | None, tuple[str, ...]], str] = {}
    for step in steps:
        place = (step.within, step.branch)
        if place in last:
            yield last[place], step.name
        last[place] = step.name


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """Straight where a line crosses a row, bent between rows."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        if abs(x0 - x1) < 0.1 or abs(y0 - y1) < 0.1:
            parts.append(f"L{x1:.1f} {y1:.1f}")
        else:
            middle = (y0 + y1) / 2
            parts.append(f"C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}")
    return "".join(parts)
