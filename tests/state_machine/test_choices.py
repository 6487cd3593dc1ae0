"""Every Choice of the definition, against the Python rule or the outcomes that it stands for."""

import ast
import inspect
import itertools
import json
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import crafted, fakes
from tests.state_machine.choices import follow, literals
from tests.unit.line import UNSURE, Line
from workflow import definition, timestamps
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.routing_policy import LabelRule, RoutingPolicy
from workflow.inspections.verdict import Prediction, Score, Verdict, decide
from workflow.pipeline import detection, intake
from workflow.review import decisions

STATES = json.loads(definition.text())["States"]
MOVES = {Verdict.OK: "Move to ok", Verdict.DEFECT: "Move to defect", Verdict.UNCLEAR: "Move to unclear"}
POLICY = RoutingPolicy("1", {"good": LabelRule(Verdict.OK, 0.8), "crack": LabelRule(Verdict.DEFECT, 0.9)})
PHOTO = crafted.png(96, 80)
EDGES = (0.0, 5e-324, 0.1 + 0.2, 0.3, 0.5, math.nextafter(0.8, 0), 0.8, math.nextafter(0.8, 1), 1.0)

share = st.floats(0, 1)
verdicts = st.sampled_from(sorted(MOVES))


def route(prediction: Prediction) -> str:
    """Where the definition sends a prediction, in the words that `detect` hands to it."""
    image = Image("b", "k", "v")
    row = Inspection(
        inspection_id(image),
        image,
        "me",
        1,
        State.INSPECTING,
        "",
        timestamps.now(),
        "",
        image,
        prediction=prediction,
    )
    ledger = fakes.MemoryLedger()
    ledger.claim(row)
    answer = detection.detect(ledger, fakes.MemoryShelf(), _Silent(), POLICY, row.id, "me", timestamps.now())
    document = json.loads(json.dumps({"detection": answer}))
    assert follow(STATES["Did the model answer?"], document) == "Is the prediction clear?"
    return follow(STATES["Is the prediction clear?"], document)


class _Silent:
    def custom_labels(self, image: Image) -> Any:
        raise AssertionError("a stored prediction is not paid for again")


@pytest.mark.parametrize("verdict", MOVES)
def test_the_choice_agrees_with_decide_at_every_edge(verdict: Verdict) -> None:
    for confidence, threshold in itertools.product(EDGES, EDGES):
        prediction = Prediction(verdict, "label", confidence, threshold)
        assert route(prediction) == MOVES[decide(prediction)], prediction


@given(verdicts, share, share)
@example(Verdict.OK, 0.8, 0.8)
@example(Verdict.UNCLEAR, 1.0, 0.0)
def test_the_choice_agrees_with_decide_on_any_prediction(
    verdict: Verdict, confidence: float, threshold: float
) -> None:
    prediction = Prediction(verdict, "label", confidence, threshold)

    assert route(prediction) == MOVES[decide(prediction)]


@given(st.lists(st.builds(Score, st.sampled_from(["good", "crack", "rust"]), share), max_size=4))
@example([])
@example([Score("good", 0.8)])
@example([Score("good", 0.9), Score("crack", 0.9)])
def test_the_choice_agrees_with_decide_on_whatever_the_policy_makes_of_scores(scores: list[Score]) -> None:
    prediction = POLICY.predict(scores)

    assert route(prediction) == MOVES[decide(prediction)]


def test_every_outcome_of_a_claim_has_its_route() -> None:
    outcomes = {_claimed(PHOTO), _claimed(b"no photo"), _claimed(None), _claimed(PHOTO, "somebody else")}
    outcomes |= {_decided()}

    assert outcomes == set(re.findall(r"`(\w+)`", intake.claim.__doc__ or ""))
    assert _routes("Is the upload readable?", "upload", "outcome", outcomes) == {
        "readable": "Detect labels",
        "unreadable": "Move to rejected",
        "decided": "Move to reviewed verdict",
        "vanished": "Upload vanished",
        "refused": "Claim refused",
    }


def _decided() -> str:
    """What a claim says of an inspection whose decision stands."""
    line = Line(detector=fakes.FakeDetector(UNSURE))
    image = line.upload()
    owner = line.waiting(image)
    line.decide(image, Verdict.OK)
    line.deliver(image)
    return line.claim(image, owner)


def _claimed(content: bytes | None, owner: str = "me") -> str:
    """What a claim says of an upload with these bytes, or of one that is gone."""
    ledger, shelf = fakes.MemoryLedger(), fakes.MemoryShelf()
    image = shelf.upload("b", "k", content or b"")
    if content is None:
        shelf.delete(image)
    intake.claim(ledger, shelf, image, owner, 1, "2026-01-01T00:00:00.000Z")
    return intake.claim(ledger, shelf, image, "me", 1, "2026-01-01T00:00:00.000Z")


def test_every_outcome_of_a_detection_has_its_route() -> None:
    outcomes = set(_under("outcome", detection))

    assert _routes("Did the model answer?", "detection", "outcome", outcomes) == {
        "answered": "Is the prediction clear?",
        "refused": "Move to rejected",
        "vanished": "Upload vanished",
        "not_ready": "Wait for model",
    }


def test_every_outcome_of_an_escalation_has_its_route() -> None:
    assert _routes("Does a decision stand?", "escalation", "decided", set(_under("decided", decisions))) == {
        True: "Move to reviewed verdict",
        False: "Ask a reviewer",
    }


def test_there_is_no_choice_that_these_tests_do_not_know() -> None:
    assert {name for name, state in STATES.items() if state["Type"] == "Choice"} == {
        "Is the upload readable?",
        "Did the model answer?",
        "Is the prediction clear?",
        "Does a decision stand?",
    }


def _routes(choice: str, part: str, field: str, outcomes: set[Any]) -> dict[Any, str]:
    """The route of each outcome; no rule may wait for an outcome that does not exist."""
    state = STATES[choice]
    assert literals(state) <= outcomes
    return {outcome: follow(state, {part: {field: outcome}}) for outcome in outcomes}


def _under(key: str, module: Any) -> Iterator[Any]:
    """The constants that a module's source puts under a key of a dictionary."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Dict):
            for name, value in zip(node.keys, node.values, strict=True):
                if isinstance(name, ast.Constant) and name.value == key:
                    assert isinstance(value, ast.Constant), f"{key} is no constant: {ast.unparse(node)}"
                    yield value.value
