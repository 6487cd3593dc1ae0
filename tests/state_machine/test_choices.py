"""Every Choice of the definition, against its Python rule or the outcomes of its function."""

import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests import crafted, fakes
from tests.camera_photos import in_memory_cameras
from tests.references import meter
from tests.state_machine.choices import compared_constants, evaluate_choice
from tests.unit.pipeline import UNSURE, Pipeline
from workflow import state_machine_definition, timestamps
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.routing_policy import LabelRule, RoutingPolicy, apply_threshold
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.pipeline import claim, detection
from workflow.pipeline.claim import ClaimOutcome
from workflow.pipeline.detection import DetectionOutcome, ModelNotReady
from workflow.pipeline.filing import FilingTarget

STATES = json.loads(state_machine_definition.read_definition())["States"]
MOVES = {Verdict.OK: "Move to ok", Verdict.DEFECT: "Move to defect", Verdict.UNCLEAR: "Move to unclear"}
POLICY = RoutingPolicy(
    version="1", labels={"good": LabelRule(Verdict.OK, 0.8), "crack": LabelRule(Verdict.DEFECT, 0.9)}
)
PHOTO = crafted.png(96, 80)
BOUNDARIES = (0.0, 1e-99, 0.1 + 0.2, 0.3, 0.5, math.nextafter(0.8, 0), 0.8, math.nextafter(0.8, 1), 1.0)

share = st.floats(0, 1)
verdicts = st.sampled_from(sorted(MOVES))


def route(prediction: Prediction) -> str:
    """Return the definition's next state for a prediction, through the output of `detect`."""
    image = Image("b", "k", "v")
    row = Inspection(
        id=inspection_id(image),
        image=image,
        owner="me",
        attempt=1,
        state=InspectionState.INSPECTING,
        uploaded_at="",
        claimed_at=timestamps.now(),
        attempted_at="",
        location=image,
        prediction=prediction,
    )
    inspections = fakes.InMemoryInspectionRepository()
    inspections.claim(row)
    answer = detection.detect(
        inspections,
        fakes.InMemoryObjectStore(),
        _UncalledDetector(),
        references=fakes.InMemoryReferenceRepository(),
        cameras=in_memory_cameras(),
        policy=POLICY,
        inspection_id=row.id,
        owner="me",
        now=timestamps.now(),
    )
    document = json.loads(json.dumps({"detection": answer}))
    assert evaluate_choice(STATES["Did the model answer?"], document) == "Is the prediction clear?"
    return evaluate_choice(STATES["Is the prediction clear?"], document)


class _UncalledDetector:
    def detect_labels(self, image: Image) -> Any:
        raise AssertionError("a stored prediction needs no second call")


@pytest.mark.parametrize("verdict", MOVES)
def test_the_choice_agrees_with_decide_at_every_boundary(verdict: Verdict) -> None:
    for confidence, threshold in itertools.product(BOUNDARIES, BOUNDARIES):
        prediction = Prediction(verdict=verdict, label="label", confidence=confidence, threshold=threshold)
        assert route(prediction) == MOVES[apply_threshold(prediction)], prediction


@given(verdicts, share, share)
@example(Verdict.OK, 0.8, 0.8)
@example(Verdict.UNCLEAR, 1.0, 0.0)
def test_the_choice_agrees_with_decide_on_any_prediction(
    verdict: Verdict, confidence: float, threshold: float
) -> None:
    prediction = Prediction(verdict=verdict, label="label", confidence=confidence, threshold=threshold)

    assert route(prediction) == MOVES[apply_threshold(prediction)]


@given(st.lists(st.builds(Score, st.sampled_from(["good", "crack", "rust"]), share), max_size=4))
@example([])
@example([Score("good", 0.8)])
@example([Score("good", 0.9), Score("crack", 0.9)])
def test_the_choice_agrees_with_decide_on_every_prediction_of_the_policy(scores: list[Score]) -> None:
    prediction = POLICY.predict(scores)

    assert route(prediction) == MOVES[apply_threshold(prediction)]


@given(st.lists(st.builds(Score, st.sampled_from(["good", "crack", "rust"]), share), max_size=4))
@example([Score("good", 1.0)])
@example([Score("crack", 1.0)])
@example([])
def test_an_unusual_photo_is_routed_to_a_reviewer_whatever_the_model_says(scores: list[Score]) -> None:
    prediction = POLICY.predict(scores, "model", ("darker than every learned photo",))

    assert route(prediction) == MOVES[apply_threshold(prediction)] == "Move to unclear"
    assert prediction.scores == POLICY.predict(scores).scores


def test_every_outcome_of_a_claim_has_its_route() -> None:
    outcomes = {_claim(PHOTO), _claim(b"no photo"), _claim(None), _claim(PHOTO, "another owner")}
    outcomes |= {_claim_decided()}

    assert outcomes == set(ClaimOutcome)
    assert _routes_of("Is the upload readable?", "upload", "outcome", outcomes) == {
        "readable": "Detect labels",
        "unreadable": "Move to rejected",
        "decided": "Move to reviewed verdict",
        "vanished": "Upload vanished",
        "not_owner": "Claim refused",
    }


def _claim_decided() -> str:
    """Return the outcome of a claim for an inspection with a decision."""
    pipeline = Pipeline(detector=fakes.FakeDetector(UNSURE))
    image = pipeline.upload()
    owner = pipeline.waiting(image)
    pipeline.decide(image, Verdict.OK)
    pipeline.deliver(image)
    return pipeline.claim(image, owner)


def _claim(content: bytes | None, owner: str = "me") -> str:
    """Return the outcome of a claim for an upload with these bytes, or for a deleted one (None)."""
    inspections, objects = fakes.InMemoryInspectionRepository(), fakes.InMemoryObjectStore()
    image = objects.upload("b", "k", content or b"")
    if content is None:
        objects.delete(image)
    claims = {"image": image, "attempt": 1, "uploaded_at": "2026-01-01T00:00:00.000Z"}
    claim.claim_upload(inspections, objects, meter(), owner=owner, **claims)
    return claim.claim_upload(inspections, objects, meter(), owner="me", **claims)


def test_every_outcome_of_a_detection_has_its_route() -> None:
    assert _routes_of("Did the model answer?", "detection", "outcome", set(DetectionOutcome)) == {
        "answered": "Is the prediction clear?",
        "refused": "Move to rejected",
        "vanished": "Upload vanished",
        "busy": "Wait while the model is busy",
        "not_ready": "Wait for the model",
    }


@pytest.mark.parametrize("busy", [False, True])
def test_an_execution_of_the_earlier_definition_goes_on_waiting_in_its_loop(busy: bool) -> None:
    """Functions have no versions: an execution that began before parking calls the present function."""
    earlier = {
        "Type": "Choice",
        "Choices": [
            {"Variable": "$.detection.outcome", "StringEquals": outcome, "Next": outcome}
            for outcome in ("answered", "refused", "vanished")
        ],
        "Default": "Wait for model",
    }
    pipeline = Pipeline(detector=fakes.FakeDetector(ModelNotReady("stopped", 30, busy=busy)))
    image = pipeline.upload()
    owner = pipeline.start(image)
    pipeline.claim(image, owner)

    def detect() -> Any:
        return json.loads(json.dumps({"detection": pipeline.detect(image, owner)}))

    document = detect()

    assert evaluate_choice(earlier, document) == "Wait for model"
    assert document["detection"]["wait_seconds"] == 30
    pipeline.detector.answers = [UNSURE]
    assert evaluate_choice(earlier, detect()) == "answered"


def test_every_outcome_of_an_escalation_has_its_route() -> None:
    assert _routes_of("Does a decision stand?", "escalation", "decided", {True, False}) == {
        True: "Move to reviewed verdict",
        False: "Ask a reviewer",
    }


def test_every_target_of_a_move_has_its_state() -> None:
    targets = [
        state["Parameters"]["verdict"]
        for state in STATES.values()
        if state.get("Resource") == "${MoveImageFunction}"
    ]

    assert sorted(targets) == sorted(FilingTarget)
    assert set(map(str, Verdict)) == set(map(str, FilingTarget)) - {FilingTarget.REVIEWED}


def test_these_tests_cover_every_choice() -> None:
    assert {name for name, state in STATES.items() if state["Type"] == "Choice"} == {
        "Is the upload readable?",
        "Did the model answer?",
        "Is the prediction clear?",
        "Does a decision stand?",
    }


def _routes_of(choice: str, part: str, field: str, outcomes: set[Any]) -> dict[Any, str]:
    """Return the next state of each outcome, and assert that each rule matches an existing outcome."""
    state = STATES[choice]
    assert compared_constants(state) <= outcomes
    documents = {outcome: json.loads(json.dumps({part: {field: outcome}})) for outcome in outcomes}
    return {outcome: evaluate_choice(state, document) for outcome, document in documents.items()}
