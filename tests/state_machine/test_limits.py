"""What Step Functions allows one execution, against the most that the definition asks of it."""

import pytest

from tests import fakes
from tests.state_machine.engine import Engine
from tests.state_machine.floor import CLEAR_OK, LABELS, Floor
from workflow import timestamps
from workflow.aws.detector import BUSY_SECONDS
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.objects import inspection_id
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.pipeline import detection
from workflow.pipeline.detection import NotReady

EVENTS = 25_000
EVERYTHING_ELSE = 1_000
DAY = 24 * 3600
BEGAN = "2026-03-01T12:00:00.000Z"


@pytest.fixture(scope="module")
def events_a_round(engine: Engine) -> int:
    """How many events of the history one more question to the model takes."""
    floor = Floor(engine, NotReady("stopped", 0), NotReady("stopped", 0), CLEAR_OK)
    history = floor.executions.history(floor.inspect())
    first, second = [
        event["id"]
        for event in history
        if event.get("stateEnteredEventDetails", {}).get("name") == "Wait for model"
    ]
    return second - first


@pytest.mark.parametrize("days", [1, 7, 365])
def test_a_photo_may_wait_for_its_model_as_long_as_the_policy_says(events_a_round: int, days: int) -> None:
    policy = RoutingPolicy("7", LABELS, model_wait_seconds=days * DAY)

    assert events_a_round * _questions(policy) < EVENTS - EVERYTHING_ELSE


def _questions(policy: RoutingPolicy) -> int:
    """How often a photo asks a model that never answers, at the least wait that the adapter names."""
    shelf, ledger, waited, asked = fakes.MemoryShelf(), fakes.MemoryLedger(), 0.0, 0
    image = shelf.upload("b", "k", b"a photo")
    ledger.claim(Inspection(inspection_id(image), image, "me", 1, State.INSPECTING, "", BEGAN, BEGAN, image))
    model = fakes.FakeDetector(NotReady("the model is busy", BUSY_SECONDS // 2))
    while True:
        now = timestamps.later(BEGAN, waited)
        answer = detection.detect(ledger, shelf, model, policy, inspection_id(image), "me", now)
        if answer["outcome"] == "answered":
            return asked
        waited += answer["wait_seconds"]
        asked += 1
