"""The steps of the state machine: each unpacks its event, calls the domain, and logs one line."""

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
from tests.fakes import FakeDetector
from tests.unit.line import CLEARLY_OK, FILED, PHOTO, POLICY, UNSURE, UPLOADED_AT, Line
from workflow import timestamps
from workflow.errors import OwnershipLost
from workflow.inspections.inspection import State
from workflow.inspections.objects import Image, inspection_id
from workflow.pipeline.detection import NotReady, Unreadable
from workflow.pipeline.intake import document

Log = Callable[[], list[dict[str, Any]]]
TOKEN = "AQDEAAAAKgAAAAMAAAAAAAAAAYx-secret"
ASLEEP = FakeDetector(NotReady("asleep", 30))
KEYS = ["a b+c.png", "a%2Fb.png", 'it\'s "so".png', "🔧/ö.png", "<script>alert(1)</script>.png"]


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.setenv("FILED_BUCKET", FILED)
    return Line(detector=FakeDetector(UNSURE))


def claim_event(image: Image, execution: str = "me") -> dict[str, Any]:
    return {"upload": {**document(image, UPLOADED_AT, 1), "execution": execution}, "execution": execution}


def event(image: Image, execution: str = "me") -> dict[str, Any]:
    """The document as the state machine keeps it until a reviewer is asked."""
    detection = {"review_seconds": 3600}
    return {**document(image, UPLOADED_AT, 1), "execution": execution, "detection": detection}


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
def test_an_upload_is_claimed_under_exactly_its_key(line: Line, context: Any, log: Log, key: str) -> None:
    image = line.upload(key=key)

    answer = claim_upload.handler(claim_event(image), context, ledger=line.ledger, shelf=line.shelf)

    assert answer == {"outcome": "readable"}
    assert (line.row(image).image, line.row(image).owner) == (image, "me")
    assert (line.row(image).uploaded_at, line.row(image).attempt) == (UPLOADED_AT, 1)
    assert assert_logged_once(log, image, "claimed")["key"] == key


@pytest.mark.parametrize("outcome", ["unreadable", "vanished", "refused"])
def test_every_outcome_of_a_claim_is_data(line: Line, context: Any, outcome: str) -> None:
    image = line.upload(b"" if outcome == "unreadable" else PHOTO)
    if outcome == "vanished":
        line.shelf.delete(image)
    if outcome == "refused":
        line.claim(image, "somebody else")

    assert claim_upload.handler(claim_event(image), context, ledger=line.ledger, shelf=line.shelf) == {
        "outcome": outcome
    }


def test_a_copy_of_an_execution_started_by_hand_is_refused(line: Line, context: Any) -> None:
    image = line.upload()
    copied = {**claim_event(image), "execution": "a name of its own"}

    answer = claim_upload.handler(copied, context, ledger=line.ledger, shelf=line.shelf)

    assert answer == {"outcome": "refused"}
    assert line.ledger.rows == {}


def claimed(line: Line) -> Image:
    image = line.upload()
    line.claim(image, "me")
    return image


def test_labels_are_detected_and_the_answer_is_the_state_machines_document(
    line: Line, context: Any, log: Log
) -> None:
    image = claimed(line)
    asked = event(image)

    answer = detect_labels.handler(
        asked, context, ledger=line.ledger, shelf=line.shelf, detector=line.detector, policy=POLICY
    )

    assert answer["outcome"] == "answered"
    assert json.loads(json.dumps(answer)) == answer
    assert line.row(image).prediction is not None
    assert_logged_once(log, image, "detected")


def test_a_model_that_is_not_ready_is_no_error(line: Line, context: Any) -> None:
    image = claimed(line)
    asked = event(image)

    answer = detect_labels.handler(
        asked, context, ledger=line.ledger, shelf=line.shelf, detector=ASLEEP, policy=POLICY
    )

    assert answer == {"outcome": "not_ready", "why": "asleep", "wait_seconds": 30}


def test_a_broken_set_up_is_logged_as_an_error(line: Line, context: Any, log: Log) -> None:
    image, detector = claimed(line), FakeDetector(Unreadable("no right"))

    answer = detect_labels.handler(
        event(image), context, ledger=line.ledger, shelf=line.shelf, detector=detector, policy=POLICY
    )

    assert (answer["outcome"], answer["broken"]) == ("not_ready", True)
    assert log()[-1]["level"] == "ERROR"


def test_the_wait_for_a_model_counts_from_the_photos_entry_in_the_ledger(line: Line, context: Any) -> None:
    image = claimed(line)
    asked, row = event(image), line.row(image)
    line.ledger.rows[row.id] = replace(row, claimed_at=timestamps.later(timestamps.now(), -61))
    policy = replace(POLICY, model_wait_seconds=60)

    answer = detect_labels.handler(
        asked, context, ledger=line.ledger, shelf=line.shelf, detector=ASLEEP, policy=policy
    )

    assert (answer["outcome"], answer["verdict"]) == ("answered", "unclear")


@pytest.mark.parametrize("key", KEYS)
def test_a_photo_is_moved_and_its_announcement_returned(line: Line, context: Any, log: Log, key: str) -> None:
    image = line.upload(key=key)
    line.claim(image, "me")
    replace(line, detector=FakeDetector(CLEARLY_OK)).detect(image, "me")

    answer = move_image.handler(move_event(image), context, ledger=line.ledger, shelf=line.shelf)

    assert (answer["verdict"], answer["bucket"]) == ("ok", FILED)
    assert json.loads(answer["announcement"])["image"]["key"] == key
    assert list(line.shelf.objects) == [line.row(image).location]
    assert assert_logged_once(log, image, "filed")["verdict"] == "ok"


@pytest.mark.filterwarnings("ignore:No application metrics to publish")
def test_who_lost_the_ownership_fails_loudly_and_moves_nothing(line: Line, context: Any) -> None:
    image = claimed(line)
    before = dict(line.shelf.objects)

    with pytest.raises(OwnershipLost):
        move_image.handler(move_event(image, "you"), context, ledger=line.ledger, shelf=line.shelf)
    assert line.shelf.objects == before


def unclear(line: Line) -> Image:
    image = claimed(line)
    line.detect(image, "me")
    line.move(image, "me", "unclear")
    return image


def test_a_reviewer_is_asked_and_the_token_goes_nowhere_but_to_its_table(
    line: Line, context: Any, log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    image = unclear(line)
    asked = ask_event(image)

    answer = ask_reviewer.handler(
        asked, context, ledger=line.ledger, tokens=line.tokens, decisions=line.decisions
    )

    assert answer is None
    assert line.tokens.of(inspection_id(image)) == [TOKEN]
    assert line.row(image).state is State.WAITING
    assert_logged_once(log, image, "asked a reviewer")
    assert TOKEN not in "".join(capfd.readouterr())


@pytest.mark.filterwarnings("ignore:No application metrics to publish")
def test_a_failing_question_does_not_log_its_token_either(
    line: Line, context: Any, log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    image = unclear(line)
    asked = ask_event(image, "you")

    with pytest.raises(OwnershipLost) as lost:
        ask_reviewer.handler(asked, context, ledger=line.ledger, tokens=line.tokens, decisions=line.decisions)

    assert TOKEN not in str(lost.value) + json.dumps(log()) + "".join(capfd.readouterr())


def test_an_overdue_review_is_escalated(line: Line, context: Any, log: Log) -> None:
    image = unclear(line)
    line.ask(image, "me", TOKEN)

    answer = escalate_review.handler(event(image), context, ledger=line.ledger, escalations=line.escalations)

    assert answer == {"decided": False, "round": 2}
    assert len(line.escalations.sent) == 1
    assert_logged_once(log, image, "review overdue")


def test_an_inspection_is_closed_once(line: Line, context: Any, log: Log) -> None:
    image = claimed(line)

    answer = close_inspection.handler(event(image), context, ledger=line.ledger)
    close_inspection.handler(event(image), context, ledger=line.ledger)

    assert (line.row(image).state, line.row(image).closed_at) == (State.CLOSED, answer["at"])
    assert [entry["message"] for entry in log()] == ["closed", "closed"]


def test_a_metric_of_each_step_is_published(
    line: Line, context: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    image = line.upload()
    capsys.readouterr()

    claim_upload.handler(claim_event(image), context, ledger=line.ledger, shelf=line.shelf)

    (metric,) = [json.loads(text) for text in capsys.readouterr().out.splitlines() if "_aws" in text]
    assert metric["upload_readable"] == [1.0]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "partcheck"


def test_nothing_of_one_inspection_is_logged_with_the_next(line: Line, context: Any, log: Log) -> None:
    first, second = line.upload(key="1.png"), line.upload(key="2.png")
    for image in (first, second):
        claim_upload.handler(claim_event(image), context, ledger=line.ledger, shelf=line.shelf)

    assert [entry["inspection_id"] for entry in log()] == [inspection_id(first), inspection_id(second)]
