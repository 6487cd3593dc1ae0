"""Graph layout: boxes never overlap, each transition has a route, and the layout is deterministic."""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review_app.executions.graph import drawing
from review_app.executions.graph.definition_parser import MachineDefinition, parse_definition
from review_app.executions.graph.layout import Box, GraphLayout, compute_layout
from workflow import state_machine_definition
from workflow.history.parser import parse_steps

MAX_STATES = 100
TOLERANCE = 0.01


def random_definition(seed: int, max_states: int) -> dict[str, Any]:
    """Generate a valid definition with all types of states, back edges, loops and nested branches."""
    dice = random.Random(seed)  # noqa: S311
    return _definition(dice, [f"state {number}" for number in range(dice.randint(1, max_states))])


def _definition(dice: random.Random, names: list[str]) -> dict[str, Any]:
    split = dice.randint(1, len(names))
    inner, names = names[split:], names[:split]
    states: dict[str, Any] = {name: _state(dice, names) for name in names}
    if inner:
        branches = [_definition(dice, half) for half in (inner[::2], inner[1::2]) if half]
        holder = dice.choice(names)
        end = {key: value for key, value in states[holder].items() if key in ("Next", "End")} or {"End": True}
        parallel = {"Type": "Parallel", "Branches": branches}
        iteration = {"Type": "Map", "ItemProcessor": branches[0]}
        states[holder] = (iteration if len(branches) == 1 else parallel) | end
    return {"StartAt": names[0], "States": states}


def _state(dice: random.Random, names: list[str]) -> dict[str, Any]:
    kind = dice.choice(["Task", "Task", "Pass", "Wait", "Choice", "Succeed", "Fail"])
    if kind in ("Succeed", "Fail"):
        return {"Type": kind}
    if kind == "Choice":
        choices = [{"Next": dice.choice(names)} for _ in range(dice.randint(1, 4))]
        return {"Type": kind, "Choices": choices, "Default": dice.choice(names)}
    end = {"Next": dice.choice(names)} if dice.random() < 0.8 else {"End": True}
    catches = [{"Next": dice.choice(names)} for _ in range(dice.randint(0, 2))] if kind == "Task" else []
    return {"Type": kind, "Catch": catches} | end


definitions = st.builds(random_definition, st.integers(0, 2**32), st.just(MAX_STATES))


def overlaps(box: Box, other: Box) -> bool:
    return (
        box.x + box.width > other.x + TOLERANCE
        and other.x + other.width > box.x + TOLERANCE
        and box.y + box.height > other.y + TOLERANCE
        and other.y + other.height > box.y + TOLERANCE
    )


def contains(frame: Box, box: Box) -> bool:
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


def check(layout: GraphLayout, machine: MachineDefinition) -> None:
    for box, other in combinations(layout.boxes, 2):
        assert not overlaps(box, other) or contains(box, other) or contains(other, box), (box, other)
    names = Counter(box.name for box in layout.boxes)
    assert names == Counter(state.name for state in machine.all_states())
    assert Counter(route.transition for route in layout.routes) == Counter(machine.all_transitions())
    boxes = {box.name: box for box in layout.boxes}
    for route in layout.routes:
        assert touches(boxes[route.transition.source], route.points[0]), route
        assert touches(boxes[route.transition.target], route.points[-1]), route
    for x, y in (point for route in layout.routes for point in route.points):
        assert -TOLERANCE <= x <= layout.width + TOLERANCE
        assert -TOLERANCE <= y <= layout.height + TOLERANCE


@settings(max_examples=150)
@given(definitions)
def test_no_boxes_overlap_and_every_transition_is_drawn_once(document: dict[str, Any]) -> None:
    machine = parse_definition(document)

    check(compute_layout(machine), machine)


@settings(max_examples=30)
@given(definitions)
def test_a_line_crosses_no_box(document: dict[str, Any]) -> None:
    """Within a layer routes are vertical and beside the boxes; they bend between layers only."""
    layout = compute_layout(parse_definition(document))
    small = [box for box in layout.boxes if not box.frame]
    for route in layout.routes:
        for (x0, y0), (x1, y1) in pairwise(route.points):
            for box in small if abs(x0 - x1) < TOLERANCE else ():
                beside = not box.x + TOLERANCE < x0 < box.x + box.width - TOLERANCE
                apart = max(y0, y1) <= box.y + TOLERANCE or min(y0, y1) >= box.y + box.height - TOLERANCE
                assert beside or apart, (route, box)


@settings(max_examples=30)
@given(definitions)
def test_the_same_machine_gives_the_same_picture(document: dict[str, Any]) -> None:
    copy = json.loads(json.dumps(document))

    assert compute_layout(parse_definition(document)) == compute_layout(parse_definition(copy))


def test_the_picture_does_not_depend_on_the_process() -> None:
    code = (
        "import json; from workflow import state_machine_definition; "
        "from review_app.executions.graph import layout; "
        "from review_app.executions.graph.definition_parser import parse_definition; "
        "print(layout.compute_layout(parse_definition(json.loads(state_machine_definition.read_definition()))))"
    )
    layouts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert len(layouts) == 1


def test_a_hundred_states_are_drawn_soon_and_then_at_once() -> None:
    """The targets are 1 s and 50 ms; these limits allow for a busy machine."""
    states: dict[str, Any] = {
        f"state {n}": {
            "Type": "Choice",
            "Choices": [{"Next": f"state {n * 7 % MAX_STATES}"}],
            "Default": f"state {n + 1}",
        }
        for n in range(MAX_STATES - 1)
    }
    document = {"StartAt": "state 0", "States": {**states, f"state {MAX_STATES - 1}": {"Type": "Succeed"}}}
    started = time.process_time()
    drawing.draw_graph(document, ())
    cold = time.process_time() - started
    drawing.draw_graph(document, ())

    assert cold < 10
    assert time.process_time() - started - cold < 0.5


def test_an_empty_definition_is_an_empty_picture() -> None:
    assert compute_layout(parse_definition({})) == GraphLayout(width=0.0, height=0.0)


def test_our_own_machine_is_drawn_with_all_its_states() -> None:
    machine = parse_definition(json.loads(state_machine_definition.read_definition()))

    check(compute_layout(machine), machine)
    assert len(machine.states) == 19


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


@pytest.mark.parametrize("is_caught", [False, True])
def test_the_path_taken_is_marked_on_the_lines_and_states(is_caught: bool) -> None:
    document = {
        "StartAt": "Try",
        "States": {
            "Try": {"Type": "Task", "Next": "Good", "Catch": [{"Next": "Good"}, {"Next": "Bad"}]},
            "Good": {"Type": "Succeed"},
            "Bad": {"Type": "Fail"},
        },
    }
    exited = {
        **entered(3, "Try", "Task", 2),
        "type": "TaskStateExited",
        "stateExitedEventDetails": {"name": "Try"},
    }
    failed = {**entered(2, "", "Task", 1), "type": "LambdaFunctionFailed"}
    ended = ("Bad", "Fail") if is_caught else ("Good", "Succeed")
    if not is_caught:
        failed["type"] = "LambdaFunctionSucceeded"
    visited = parse_steps([entered(1, "Try", "Task"), failed, exited, entered(4, *ended, 3)])

    graph = drawing.draw_graph(document, visited)

    styles = {state.box.name: state.style for state in graph.states}
    assert styles["Try"] == ("caught" if is_caught else "succeeded")
    assert styles["Good" if is_caught else "Bad"] == "not-entered"
    taken = [(edge.route.transition.target, edge.style) for edge in graph.edges if edge.times_taken]
    assert taken == [("Bad", "caught") if is_caught else ("Good", "taken")]
