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
from workflow.inspections.model_reference import ModelReference
from workflow.inspections.objects import Image, inspection_id
from workflow.pipeline.detection import ImageUnreadable, ModelNotReady
from workflow.pipeline.executions import execution_input

Log = Callable[[], list[dict[str, Any]]]
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
    pipeline: Pipeline, context: Any, log: Log, key: str
) -> None:
    image = pipeline.upload(key=key)

    answer = claim_upload.handler(
        claim_event(image), context, inspections=pipeline.inspections, objects=pipeline.objects
    )

    assert answer == {"outcome": "readable"}
    assert (pipeline.row(image).image, pipeline.row(image).owner) == (image, "me")
    assert (pipeline.row(image).uploaded_at, pipeline.row(image).attempt) == (UPLOADED_AT, 1)
    assert assert_logged_once(log, image, "claimed")["key"] == key


@pytest.mark.parametrize("outcome", ["unreadable", "vanished", "not_owner"])
def test_every_outcome_of_a_claim_is_data(pipeline: Pipeline, context: Any, outcome: str) -> None:
    image = pipeline.upload(b"" if outcome == "unreadable" else PHOTO)
    if outcome == "vanished":
        pipeline.objects.delete(image)
    if outcome == "not_owner":
        pipeline.claim(image, "somebody else")

    assert claim_upload.handler(
        claim_event(image), context, inspections=pipeline.inspections, objects=pipeline.objects
    ) == {"outcome": outcome}


def test_a_copy_of_an_execution_started_by_hand_is_refused(pipeline: Pipeline, context: Any) -> None:
    image = pipeline.upload()
    copied = {**claim_event(image), "execution": "a name of its own"}

    answer = claim_upload.handler(copied, context, inspections=pipeline.inspections, objects=pipeline.objects)

    assert answer == {"outcome": "not_owner"}
    assert pipeline.inspections.rows == {}


def claimed(pipeline: Pipeline) -> Image:
    image = pipeline.upload()
    pipeline.claim(image, "me")
    return image


def test_labels_are_detected_and_the_answer_is_the_state_machines_document(
    pipeline: Pipeline, context: Any, log: Log
) -> None:
    image = claimed(pipeline)
    asked = event(image)

    answer = detect_labels.handler(
        asked,
        context,
        inspections=pipeline.inspections,
        objects=pipeline.objects,
        detector=pipeline.detector,
        references=pipeline.references,
        cameras=pipeline.cameras,
        policy=POLICY,
    )

    assert answer["outcome"] == "answered"
    assert json.loads(json.dumps(answer)) == answer
    assert pipeline.row(image).prediction is not None
    assert_logged_once(log, image, "detected")


def detect_with(pipeline: Pipeline, context: Any, reference: ModelReference | None) -> dict[str, Any]:
    references = InMemoryReferenceRepository(*([reference] if reference else []))
    pipeline = replace(pipeline, detector=FakeDetector(CLEARLY_OK))
    return detect_labels.handler(
        event(claimed(pipeline)),
        context,
        inspections=pipeline.inspections,
        objects=pipeline.objects,
        detector=pipeline.detector,
        references=references,
        cameras=pipeline.cameras,
        policy=POLICY,
    )


@pytest.mark.parametrize(
    ("reference", "verdict", "counted", "level"),
    [
        (small_reference(model=MODEL), "ok", set(), "INFO"),
        (
            small_reference(model=MODEL, limit=1e-9, centre=(9.0, 9.0, 9.0)),
            "unclear",
            {"photo_unusual"},
            "INFO",
        ),
        (None, "ok", {"photo_unguarded"}, "WARNING"),
        (
            small_reference(model=MODEL, decoder_version=9),
            "unclear",
            {"photo_unusual", "photo_unguarded"},
            "WARNING",
        ),
    ],
)
def test_unusual_photos_and_those_without_a_reference_are_counted(
    pipeline: Pipeline,
    context: Any,
    log: Log,
    capsys: pytest.CaptureFixture[str],
    reference: ModelReference | None,
    verdict: str,
    counted: set[str],
    level: str,
) -> None:
    assert detect_with(pipeline, context, reference)["verdict"] == verdict

    (metric,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "_aws" in text]
    assert {name for name in metric if name.startswith("photo_")} == counted
    assert log()[-1]["level"] == level


def test_a_model_that_is_not_ready_is_no_error(pipeline: Pipeline, context: Any) -> None:
    image = claimed(pipeline)
    asked = event(image)

    answer = detect_labels.handler(
        asked,
        context,
        inspections=pipeline.inspections,
        objects=pipeline.objects,
        detector=ASLEEP,
        references=pipeline.references,
        cameras=pipeline.cameras,
        policy=POLICY,
    )

    assert answer == {"outcome": "not_ready", "reason": "asleep", "wait_seconds": 30}


def test_a_broken_set_up_is_logged_as_an_error(pipeline: Pipeline, context: Any, log: Log) -> None:
    image, detector = claimed(pipeline), FakeDetector(ImageUnreadable("no right"))

    answer = detect_labels.handler(
        event(image),
        context,
        inspections=pipeline.inspections,
        objects=pipeline.objects,
        detector=detector,
        references=pipeline.references,
        cameras=pipeline.cameras,
        policy=POLICY,
    )

    assert (answer["outcome"], answer["broken"]) == ("not_ready", True)
    assert log()[-1]["level"] == "ERROR"


def test_the_wait_for_a_model_counts_from_the_claim(pipeline: Pipeline, context: Any) -> None:
    image = claimed(pipeline)
    asked, row = event(image), pipeline.row(image)
    pipeline.inspections.rows[row.id] = replace(row, claimed_at=timestamps.add_seconds(timestamps.now(), -61))
    policy = replace(POLICY, model_wait_seconds=60)

    answer = detect_labels.handler(
        asked,
        context,
        inspections=pipeline.inspections,
        objects=pipeline.objects,
        detector=ASLEEP,
        references=pipeline.references,
        cameras=pipeline.cameras,
        policy=policy,
    )

    assert (answer["outcome"], answer["verdict"]) == ("answered", "unclear")


@pytest.mark.parametrize("key", KEYS)
def test_a_photo_is_moved_and_its_announcement_returned(
    pipeline: Pipeline, context: Any, log: Log, key: str
) -> None:
    image = pipeline.upload(key=key)
    pipeline.claim(image, "me")
    replace(pipeline, detector=FakeDetector(CLEARLY_OK)).detect(image, "me")

    answer = move_image.handler(
        move_event(image), context, inspections=pipeline.inspections, objects=pipeline.objects
    )

    assert (answer["verdict"], answer["bucket"]) == ("ok", FILED)
    assert json.loads(answer["announcement"])["image"]["key"] == key
    assert list(pipeline.objects.contents) == [pipeline.row(image).location]
    assert assert_logged_once(log, image, "filed")["verdict"] == "ok"


@pytest.mark.filterwarnings("ignore:No application metrics to publish")
def test_who_lost_the_ownership_fails_loudly_and_moves_nothing(pipeline: Pipeline, context: Any) -> None:
    image = claimed(pipeline)
    before = dict(pipeline.objects.contents)

    with pytest.raises(OwnershipLost):
        move_image.handler(
            move_event(image, "you"), context, inspections=pipeline.inspections, objects=pipeline.objects
        )
    assert pipeline.objects.contents == before


def unclear(pipeline: Pipeline) -> Image:
    image = claimed(pipeline)
    pipeline.detect(image, "me")
    pipeline.move(image, "me", "unclear")
    return image


def test_a_reviewer_is_asked_and_the_token_goes_nowhere_but_to_its_table(
    pipeline: Pipeline, context: Any, log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    image = unclear(pipeline)
    asked = ask_event(image)

    answer = ask_reviewer.handler(
        asked,
        context,
        inspections=pipeline.inspections,
        task_tokens=pipeline.task_tokens,
        decisions=pipeline.decisions,
    )

    assert answer is None
    assert pipeline.task_tokens.list_tokens(inspection_id(image)) == [TOKEN]
    assert pipeline.row(image).state is InspectionState.WAITING
    assert_logged_once(log, image, "asked a reviewer")
    assert TOKEN not in "".join(capfd.readouterr())


@pytest.mark.filterwarnings("ignore:No application metrics to publish")
def test_a_failing_question_does_not_log_its_token_either(
    pipeline: Pipeline, context: Any, log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    image = unclear(pipeline)
    asked = ask_event(image, "you")

    with pytest.raises(OwnershipLost) as lost:
        ask_reviewer.handler(
            asked,
            context,
            inspections=pipeline.inspections,
            task_tokens=pipeline.task_tokens,
            decisions=pipeline.decisions,
        )

    assert TOKEN not in str(lost.value) + json.dumps(log()) + "".join(capfd.readouterr())


def test_an_overdue_review_is_escalated(pipeline: Pipeline, context: Any, log: Log) -> None:
    image = unclear(pipeline)
    pipeline.ask(image, "me", TOKEN)

    answer = escalate_review.handler(
        event(image), context, inspections=pipeline.inspections, escalations=pipeline.escalations
    )

    assert answer == {"decided": False, "round": 2}
    assert len(pipeline.escalations.sent) == 1
    assert_logged_once(log, image, "review overdue")


def test_an_inspection_is_closed_once(pipeline: Pipeline, context: Any, log: Log) -> None:
    image = claimed(pipeline)

    answer = close_inspection.handler(event(image), context, inspections=pipeline.inspections)
    close_inspection.handler(event(image), context, inspections=pipeline.inspections)

    assert (pipeline.row(image).state, pipeline.row(image).closed_at) == (
        InspectionState.CLOSED,
        answer["at"],
    )
    assert [entry["message"] for entry in log()] == ["closed", "closed"]


def test_a_metric_of_each_step_is_published(
    pipeline: Pipeline, context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    image = pipeline.upload()
    capsys.readouterr()

    claim_upload.handler(
        claim_event(image), context, inspections=pipeline.inspections, objects=pipeline.objects
    )

    (metric,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "_aws" in text]
    assert metric["upload_readable"] == [1.0]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "partcheck"


def test_nothing_of_one_inspection_is_logged_with_the_next(
    pipeline: Pipeline, context: Any, log: Log
) -> None:
    first, second = pipeline.upload(key="1.png"), pipeline.upload(key="2.png")
    for image in (first, second):
        claim_upload.handler(
            claim_event(image), context, inspections=pipeline.inspections, objects=pipeline.objects
        )

    assert [entry["inspection_id"] for entry in log()] == [inspection_id(first), inspection_id(second)]
