"""The functions of states: each unpacks its event, calls the domain, and logs one line."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lambdas import (
    ask_reviewer,
    claim_upload,
    close_inspection,
    detect_labels,
    escalate_review,
    move_image,
)
from tests.fakes import FakeDetector, InMemoryReferenceRepository
from tests.references import small_reference
from tests.unit.pipeline import CLEARLY_OK, FILED, MODEL, PHOTO, POLICY, UNSURE, UPLOADED_AT, Pipeline
from workflow import timestamps
from workflow.errors import OwnershipLost
from workflow.inspections.inspection import InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.pipeline.detection import ImageUnreadable, ModelNotReady
from workflow.pipeline.executions import execution_input

Log = Callable[[], list[dict[str, Any]]]
Invoke = Callable[..., Any]
TOKEN = "AQDEAAAAKgAAAAMAAAAAAAAAAYx-secret"
ASLEEP = FakeDetector(ModelNotReady("asleep", 30))
KEYS = ["a b+c.png", "a%2Fb.png", 'it\'s "so".png', "🔧/ö.png", "<script>alert(1)</script>.png"]


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setenv("FILED_BUCKET", FILED)
    return Pipeline(detector=FakeDetector(UNSURE))


def claim_event(image: Image, execution: str = "me") -> dict[str, Any]:
    return {
        "upload": {**execution_input(image, UPLOADED_AT, 1), "execution": execution},
        "execution": execution,
    }


def event(image: Image, execution: str = "me") -> dict[str, Any]:
    """Build the execution's document as it is before `Ask a reviewer`."""
    detection = {"review_seconds": 3600}
    return {**execution_input(image, UPLOADED_AT, 1), "execution": execution, "detection": detection}


def move_event(image: Image, execution: str = "me") -> dict[str, Any]:
    return {"inspection": event(image, execution), "verdict": "ok"}


def ask_event(image: Image, execution: str = "me") -> dict[str, Any]:
    return {"inspection": event(image, execution), "token": TOKEN}


def assert_logged_once(log: Log, image: Image, message: str) -> dict[str, Any]:
    (entry,) = log()
    assert entry["inspection_id"] == inspection_id(image)
    assert entry["message"] == message
    assert TOKEN not in json.dumps(entry)
    return entry


@pytest.mark.parametrize("key", KEYS)
def test_an_upload_is_claimed_under_exactly_its_key(
    pipeline: Pipeline, invoke: Invoke, log: Log, key: str
) -> None:
    image = pipeline.upload(key=key)

    assert invoke(pipeline, claim_upload, claim_event(image)) == {"outcome": "readable"}
    row = pipeline.row(image)
    assert (row.image, row.owner, row.uploaded_at, row.attempt) == (image, "me", UPLOADED_AT, 1)
    assert assert_logged_once(log, image, "claimed")["key"] == key


@pytest.mark.parametrize("outcome", ["unreadable", "vanished", "not_owner"])
def test_every_outcome_of_a_claim_is_data(pipeline: Pipeline, invoke: Invoke, outcome: str) -> None:
    image = pipeline.upload(b"" if outcome == "unreadable" else PHOTO)
    if outcome == "vanished":
        pipeline.objects.delete(image)
    if outcome == "not_owner":
        pipeline.claim(image, "somebody else")

    assert invoke(pipeline, claim_upload, claim_event(image)) == {"outcome": outcome}


def test_a_copy_of_an_execution_started_by_hand_is_refused(pipeline: Pipeline, invoke: Invoke) -> None:
    copied = {**claim_event(pipeline.upload()), "execution": "a name of its own"}

    assert invoke(pipeline, claim_upload, copied) == {"outcome": "not_owner"}
    assert pipeline.inspections.rows == {}


def claimed(pipeline: Pipeline) -> Image:
    image = pipeline.upload()
    pipeline.claim(image, "me")
    return image


def test_labels_are_detected_and_the_answer_is_the_state_machines_document(
    pipeline: Pipeline, invoke: Invoke, log: Log
) -> None:
    image = claimed(pipeline)

    answer = invoke(pipeline, detect_labels, event(image))

    assert answer["outcome"] == "answered"
    assert json.loads(json.dumps(answer)) == answer
    assert pipeline.row(image).prediction is not None
    assert_logged_once(log, image, "detected")


@pytest.mark.parametrize(
    ("reference", "verdict", "counted", "level"),
    [
        ({}, "ok", set(), "INFO"),
        ({"limit": 1e-9, "centre": (9.0, 9.0, 9.0)}, "unclear", {"photo_unusual"}, "INFO"),
        (None, "ok", {"photo_unguarded"}, "WARNING"),
        ({"decoder_version": 9}, "unclear", {"photo_unusual", "photo_unguarded"}, "WARNING"),
    ],
)
def test_unusual_photos_and_those_without_a_reference_are_counted(
    pipeline: Pipeline,
    invoke: Invoke,
    log: Log,
    capsys: pytest.CaptureFixture[str],
    reference: dict[str, Any] | None,
    verdict: str,
    counted: set[str],
    level: str,
) -> None:
    found = [] if reference is None else [small_reference(model=MODEL, **reference)]
    adapters = {"references": InMemoryReferenceRepository(*found), "detector": FakeDetector(CLEARLY_OK)}

    answer = invoke(pipeline, detect_labels, event(claimed(pipeline)), **adapters)

    assert answer["verdict"] == verdict
    (metric,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "_aws" in text]
    assert {name for name in metric if name.startswith("photo_")} == counted
    assert log()[-1]["level"] == level


def test_a_model_that_is_not_ready_is_no_error(pipeline: Pipeline, invoke: Invoke) -> None:
    answer = invoke(pipeline, detect_labels, event(claimed(pipeline)), detector=ASLEEP)

    assert answer == {
        "outcome": "not_ready",
        "reason": "asleep",
        "wait_seconds": 30,
        "timeout_seconds": POLICY.model_wait_seconds,
    }


def test_a_broken_set_up_is_logged_as_an_error(pipeline: Pipeline, invoke: Invoke, log: Log) -> None:
    refused = FakeDetector(ImageUnreadable("no right"))

    answer = invoke(pipeline, detect_labels, event(claimed(pipeline)), detector=refused)

    assert (answer["outcome"], answer["broken"]) == ("not_ready", True)
    assert log()[-1]["level"] == "ERROR"


def test_the_wait_for_a_model_counts_from_the_claim(pipeline: Pipeline, invoke: Invoke) -> None:
    image = claimed(pipeline)
    row, policy = pipeline.row(image), replace(POLICY, model_wait_seconds=60)
    pipeline.inspections.rows[row.id] = replace(row, claimed_at=timestamps.add_seconds(timestamps.now(), -61))

    answer = invoke(pipeline, detect_labels, event(image), detector=ASLEEP, policy=policy)

    assert (answer["outcome"], answer["verdict"]) == ("answered", "unclear")


@pytest.mark.parametrize("key", KEYS)
def test_a_photo_is_moved_and_its_announcement_returned(
    pipeline: Pipeline, invoke: Invoke, log: Log, key: str
) -> None:
    image = pipeline.upload(key=key)
    pipeline.claim(image, "me")
    replace(pipeline, detector=FakeDetector(CLEARLY_OK)).detect(image, "me")

    answer = invoke(pipeline, move_image, move_event(image))

    assert (answer["verdict"], answer["bucket"]) == ("ok", FILED)
    assert json.loads(answer["announcement"])["image"]["key"] == key
    assert list(pipeline.objects.contents) == [pipeline.row(image).location]
    assert assert_logged_once(log, image, "filed")["verdict"] == "ok"


@pytest.mark.filterwarnings("ignore:No application metrics to publish")
def test_who_lost_the_ownership_fails_loudly_and_moves_nothing(pipeline: Pipeline, invoke: Invoke) -> None:
    image = claimed(pipeline)
    before = dict(pipeline.objects.contents)

    with pytest.raises(OwnershipLost):
        invoke(pipeline, move_image, move_event(image, "you"))
    assert pipeline.objects.contents == before


@pytest.fixture
def unclear(pipeline: Pipeline) -> Image:
    image = claimed(pipeline)
    pipeline.detect(image, "me")
    pipeline.move(image, "me", "unclear")
    return image


def test_a_reviewer_is_asked_and_the_token_goes_nowhere_but_to_its_table(
    pipeline: Pipeline, unclear: Image, invoke: Invoke, log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    assert invoke(pipeline, ask_reviewer, ask_event(unclear)) is None
    assert pipeline.task_tokens.list_tokens(inspection_id(unclear)) == [TOKEN]
    assert pipeline.row(unclear).state is InspectionState.WAITING
    assert_logged_once(log, unclear, "asked a reviewer")
    assert TOKEN not in "".join(capfd.readouterr())


@pytest.mark.filterwarnings("ignore:No application metrics to publish")
def test_a_failing_question_does_not_log_its_token_either(
    pipeline: Pipeline, unclear: Image, invoke: Invoke, log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OwnershipLost) as lost:
        invoke(pipeline, ask_reviewer, ask_event(unclear, "you"))

    assert TOKEN not in str(lost.value) + json.dumps(log()) + "".join(capfd.readouterr())


def test_an_overdue_review_is_escalated(pipeline: Pipeline, unclear: Image, invoke: Invoke, log: Log) -> None:
    pipeline.ask(unclear, "me", TOKEN)

    assert invoke(pipeline, escalate_review, event(unclear)) == {"decided": False, "round": 2}
    assert len(pipeline.escalations.sent) == 1
    assert_logged_once(log, unclear, "review overdue")


def test_an_inspection_is_closed_once(pipeline: Pipeline, invoke: Invoke, log: Log) -> None:
    image = claimed(pipeline)

    first, _ = (invoke(pipeline, close_inspection, event(image)) for _ in range(2))

    row = pipeline.row(image)
    assert (row.state, row.closed_at) == (InspectionState.CLOSED, first["at"])
    assert [entry["message"] for entry in log()] == ["closed", "closed"]


def test_a_metric_of_each_step_is_published(
    pipeline: Pipeline, invoke: Invoke, capsys: pytest.CaptureFixture[str]
) -> None:
    invoke(pipeline, claim_upload, claim_event(pipeline.upload()))

    (metric,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "_aws" in text]
    assert metric["upload_readable"] == [1.0]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "partcheck"


def test_nothing_of_one_inspection_is_logged_with_the_next(
    pipeline: Pipeline, invoke: Invoke, log: Log
) -> None:
    images = [pipeline.upload(key=key) for key in ("1.png", "2.png")]
    for image in images:
        invoke(pipeline, claim_upload, claim_event(image))

    assert [entry["inspection_id"] for entry in log()] == [inspection_id(image) for image in images]
