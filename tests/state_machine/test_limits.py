"""The limits of one execution in Step Functions, against the maximum that the definition needs."""

import pytest

from tests import fakes
from tests.camera_photos import in_memory_cameras
from tests.state_machine.engine import Engine
from tests.state_machine.in_memory_environment import CLEAR_OK, LABELS, InMemoryEnvironment
from workflow import timestamps
from workflow.aws.detector import BUSY_RETRY_SECONDS
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import inspection_id
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.pipeline import detection
from workflow.pipeline.detection import ModelNotReady

MAX_EVENTS = 25_000
OTHER_EVENTS = 1_000
DAY = 24 * 3600
STARTED_AT = "2026-03-01T12:00:00.000Z"


@pytest.fixture(scope="module")
def events_per_attempt(engine: Engine) -> int:
    """Return the number of history events of one more attempt to get the model's answer."""
    environment = InMemoryEnvironment(
        engine, ModelNotReady("busy", 0, busy=True), ModelNotReady("busy", 0, busy=True), CLEAR_OK
    )
    history = environment.executions.get_history(environment.inspect())
    first, second = [
        event["id"]
        for event in history
        if event.get("stateEnteredEventDetails", {}).get("name") == "Wait while the model is busy"
    ]
    return second - first


@pytest.mark.parametrize("days", [1, 7, 365])
def test_a_photo_may_wait_for_its_model_as_long_as_the_policy_allows(
    events_per_attempt: int, days: int
) -> None:
    policy = RoutingPolicy(version="7", labels=LABELS, model_wait_seconds=days * DAY)

    assert events_per_attempt * _count_attempts(policy) < MAX_EVENTS - OTHER_EVENTS


def _count_attempts(policy: RoutingPolicy) -> int:
    """Return how often a photo calls a model that never answers, at the adapter's shortest wait."""
    objects, inspections, waited, attempts = (
        fakes.InMemoryObjectStore(),
        fakes.InMemoryInspectionRepository(),
        0.0,
        0,
    )
    image = objects.upload("b", "k", b"a photo")
    inspections.claim(
        Inspection(
            id=inspection_id(image),
            image=image,
            owner="me",
            attempt=1,
            state=InspectionState.INSPECTING,
            uploaded_at="",
            claimed_at=STARTED_AT,
            attempted_at=STARTED_AT,
            location=image,
        )
    )
    model = fakes.FakeDetector(ModelNotReady("the model is busy", BUSY_RETRY_SECONDS // 2, busy=True))
    while True:
        now = timestamps.add_seconds(STARTED_AT, waited)
        answer = detection.detect(
            inspections,
            objects,
            model,
            references=fakes.InMemoryReferenceRepository(),
            cameras=in_memory_cameras(),
            policy=policy,
            inspection_id=inspection_id(image),
            owner="me",
            now=now,
        )
        if answer["outcome"] == "answered":
            return attempts
        waited += answer["wait_seconds"]
        attempts += 1
