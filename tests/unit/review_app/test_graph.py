"""Any machine becomes a picture in which nothing covers anything, and the same one every time."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from itertools import combinations, pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from review_app.graph import drawing, machine
from review_app.graph.layout import Box, Picture, layout
from workflow import definition
from workflow.history.parser import steps

MOST = 100
TOLERANCE = 0.01


def machine_of(seed: int, most: int) -> dict[str, Any]:
    """A valid machine: every kind of state, ways back, ways to itself, branches within branches."""
    dice = random.Random(seed)  # noqa: S311
    return _machine(dice, [f"state {number}" for number in range(dice.randint(1, most))])


def _machine(dice: random.Random, names: list[str]) -> dict[str, Any]:
    split = dice.randint(1, len(names))
    inner, names = names[split:], names[:split]
    states: dict[str, Any] = {name: _state(dice, names) for name in names}
    if inner:
        branches = [_machine(dice, half) for half in (inner[::2], inner[1::2]) if half]
        holder = dice.choice(names)
        way = {key: value for key, value in states[holder].items() if key in ("Next", "End")} or {"End": True}
        parallel = {"Type": "Parallel", "Branches": branches}
        one = {"Type": "Map", "ItemProcessor": branches[0]}
        states[holder] = (one if len(branches) == 1 else parallel) | way
    return {"StartAt": names[0], "States": states}


def _state(dice: random.Random, names: list[str]) -> dict[str, Any]:
    kind = dice.choice(["Task", "Task", "Pass", "Wait", "Choice", "Succeed", "Fail"])
    if kind in ("Succeed", "Fail"):
        return {"Type": kind}
    if kind == "Choice":
        choices = [{"Next": dice.choice(names)} for _ in range(dice.randint(1, 4))]
        return {"Type": kind, "Choices": choices, "Default": dice.choice(names)}
    way = {"Next": dice.choice(names)} if dice.random() < 0.8 else {"End": True}
    catches = [{"Next": dice.choice(names)} for _ in range(dice.randint(0, 2))] if kind == "Task" else []
    return {"Type": kind, "Catch": catches} | way


definitions = st.builds(machine_of, st.integers(0, 2**32), st.just(MOST))


def covers(one: Box, other: Box) -> bool:
    return (
        one.x + one.width > other.x + TOLERANCE
        and other.x + other.width > one.x + TOLERANCE
        and one.y + one.height > other.y + TOLERANCE
        and other.y + other.height > one.y + TOLERANCE
    )


def holds(frame: Box, box: Box) -> bool:
    return (
        frame.frame
        and frame.x <= box.x + TOLERANCE
        and frame.y <= box.y + TOLERANCE
        and box.x + box.width <= frame.x + frame.width + TOLERANCE
        and box.y + box.height <= frame.y + frame.height + TOLERANCE
    )


def touches(box: Box, point: tuple[float, float]) -> bool:
    x, y = point
    inside = box.x - TOLERANCE <= x <= box.x + box.width + TOLERANCE
    inside = inside and box.y - TOLERANCE <= y <= box.y + box.height + TOLERANCE
    edges = (abs(y - box.y), abs(y - box.y - box.height), abs(x - box.x - box.width))
    return inside and min(edges) < TOLERANCE


def check(picture: Picture, read: machine.Machine) -> None:
    for one, other in combinations(picture.boxes, 2):
        assert not covers(one, other) or holds(one, other) or holds(other, one), (one, other)
    names = Counter(box.name for box in picture.boxes)
    assert names == Counter(state.name for state in read.every_state())
    assert Counter(line.transition for line in picture.lines) == Counter(read.every_transition())
    boxes = {box.name: box for box in picture.boxes}
    for line in picture.lines:
        assert touches(boxes[line.transition.source], line.points[0]), line
        assert touches(boxes[line.transition.target], line.points[-1]), line
    for x, y in (point for line in picture.lines for point in line.points):
        assert -TOLERANCE <= x <= picture.width + TOLERANCE
        assert -TOLERANCE <= y <= picture.height + TOLERANCE


@settings(max_examples=150)
@given(definitions)
def test_no_boxes_overlap_and_every_transition_is_drawn_once(found: dict[str, Any]) -> None:
    read = machine.read(found)

    check(layout(read), read)


@settings(max_examples=30)
@given(definitions)
def test_a_line_crosses_no_box(found: dict[str, Any]) -> None:
    """Within a row lines are upright and beside the boxes; they bend between rows only."""
    picture = layout(machine.read(found))
    small = [box for box in picture.boxes if not box.frame]
    for line in picture.lines:
        for (x0, y0), (x1, y1) in pairwise(line.points):
            for box in small if abs(x0 - x1) < TOLERANCE else ():
                beside = not box.x + TOLERANCE < x0 < box.x + box.width - TOLERANCE
                apart = max(y0, y1) <= box.y + TOLERANCE or min(y0, y1) >= box.y + box.height - TOLERANCE
                assert beside or apart, (line, box)


@settings(max_examples=30)
@given(definitions)
def test_the_same_machine_gives_the_same_picture(found: dict[str, Any]) -> None:
    again = json.loads(json.dumps(found))

    assert layout(machine.read(found)) == layout(machine.read(again))


def test_the_picture_does_not_depend_on_the_process() -> None:
    code = (
        "import json; from review_app.graph import layout, machine; from workflow import definition; "
        "print(layout.layout(machine.read(json.loads(definition.text()))))"
    )
    pictures = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(pictures) == 1


def test_a_hundred_states_are_drawn_soon_and_then_at_once() -> None:
    """The targets are 1 s and 50 ms; the bounds here leave room for a busy machine."""
    states: dict[str, Any] = {
        f"state {n}": {
            "Type": "Choice",
            "Choices": [{"Next": f"state {n * 7 % MOST}"}],
            "Default": f"state {n + 1}",
        }
        for n in range(MOST - 1)
    }
    found = {"StartAt": "state 0", "States": {**states, f"state {MOST - 1}": {"Type": "Succeed"}}}
    began = time.monotonic()
    drawing.draw(found, ())
    cold = time.monotonic() - began
    drawing.draw(found, ())

    assert cold < 10
    assert time.monotonic() - began - cold < 0.5


def test_an_empty_definition_is_an_empty_picture() -> None:
    assert layout(machine.read({})) == Picture(0.0, 0.0)


def test_our_own_machine_is_drawn_with_all_its_states() -> None:
    read = machine.read(json.loads(definition.text()))

    check(layout(read), read)
    assert len(read.states) == 18


def entered(number: int, name: str, kind: str = "Task", previous: int = 0) -> dict[str, Any]:
    details = {"name": name, "input": "{}"}
    at = f"2026-01-01T00:00:{number:02}Z"
    return {
        "id": number,
        "previousEventId": previous,
        "timestamp": at,
        "type": f"{kind}StateEntered",
        "stateEnteredEventDetails": details,
    }


def test_the_path_taken_is_marked_on_the_lines_and_states() -> None:
    found = {
        "StartAt": "Try",
        "States": {
            "Try": {"Type": "Pass", "Next": "Good", "Catch": [{"Next": "Bad"}]},
            "Good": {"Type": "Succeed"},
            "Bad": {"Type": "Fail"},
        },
    }
    exited = {
        **entered(2, "Try", "Pass", 1),
        "type": "PassStateExited",
        "stateExitedEventDetails": {"name": "Try"},
    }
    walked = steps([entered(1, "Try", "Pass"), exited, entered(3, "Bad", "Fail", 2)])

    drawn = drawing.draw(found, walked)

    kinds = {node.box.name: node.kind for node in drawn.nodes}
    assert kinds == {"Try": "succeeded", "Good": "untouched", "Bad": "failed"}
    taken = {(path.line.transition.target, path.taken) for path in drawn.paths}
    assert taken == {("Good", 0), ("Bad", 1)}
