"""Every path through the state machine, on the engine."""

import json
from collections.abc import Callable

import pytest

from tests.state_machine.floor import CLEAR_DEFECT, CLEAR_OK, DOUBTFUL, FILED, PHOTO, Answer, Floor, seen
from workflow.inspections.verdict import Verdict
from workflow.pipeline import intake
from workflow.pipeline.detection import NotReady, Refused
from workflow.review import revision

Open = Callable[..., Floor]

CLAIM = ["Claim upload", "Is the upload readable?"]
ASK_MODEL = ["Detect labels", "Did the model answer?"]
JUDGE = [*CLAIM, *ASK_MODEL, "Is the prediction clear?"]
ASK_PERSON = ["Move to unclear", "Ask a reviewer"]
NOBODY_CAME = ["Escalate review", "Does a decision stand?"]
TELL = ["Announce verdict", "Close inspection"]
REVIEWED = ["Move to reviewed verdict", *TELL]

SOON = 2


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (CLEAR_OK, Verdict.OK),
        (CLEAR_DEFECT, Verdict.DEFECT),
        (seen(good=0.8), Verdict.OK),
        (seen(crack=0.9), Verdict.DEFECT),
    ],
    ids=["ok", "defect", "ok at its threshold", "defect at its threshold"],
)
def test_a_clear_prediction_files_the_photo_without_a_person(
    open_floor: Open, answer: Answer, verdict: Verdict
) -> None:
    floor = open_floor(answer)

    name = floor.inspect()

    assert floor.visited(name) == [*JUDGE, f"Move to {verdict}", *TELL]
    assert floor.document(name)["filed"]["announcement"] == floor.announced[0]
    assert json.loads(floor.announced[0])["decided_by"] == "model"
    floor.assert_filed(name, verdict)


@pytest.mark.parametrize("verdict", [Verdict.OK, Verdict.DEFECT])
def test_an_unclear_photo_waits_for_a_person_and_follows_the_decision(
    open_floor: Open, verdict: Verdict
) -> None:
    floor = open_floor(DOUBTFUL)

    name = floor.inspect()
    assert floor.waits(name)
    assert floor.announced == []
    assert floor.books().balance.waiting == 1
    floor.decide(verdict, name)

    assert floor.visited(name) == [*JUDGE, *ASK_PERSON, *REVIEWED]
    decision = floor.row(name).decision
    assert decision is not None
    assert floor.document(name)["decision"] == {"decision_id": decision.id, "verdict": verdict}
    assert json.loads(floor.announced[0])["review"]["decision_id"] == decision.id
    assert [entry.decision_id for entry in floor.ledger.entries] == [decision.id]
    floor.assert_filed(name, verdict)


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (seen(rust=1.0), "does not know the label 'rust'"),
        (seen(), "named no label"),
        (seen(good=0.9, crack=0.9), "contradict"),
        (seen(good=0.99, crack=0.6), "contradict"),
    ],
    ids=["unknown label", "no label", "tie", "contradiction"],
)
def test_a_doubtful_answer_is_unclear_however_sure_it_is(open_floor: Open, answer: Answer, note: str) -> None:
    floor = open_floor(answer)

    name = floor.inspect()
    floor.decide(Verdict.OK, name)

    assert floor.visited(name) == [*JUDGE, *ASK_PERSON, *REVIEWED]
    assert note in floor.document(name)["detection"]["note"]
    floor.assert_filed(name, Verdict.OK)


def test_a_review_that_nobody_took_is_asked_again_with_a_new_token(open_floor: Open) -> None:
    floor = open_floor(DOUBTFUL, review=SOON)

    name = floor.inspect()
    floor.until(lambda: floor.waits(name, round_=2))
    first, second = floor.tokens.issued
    floor.executions.succeed(first, {"decision_id": "late", "verdict": "ok"})
    floor.decide(Verdict.DEFECT, name)

    assert floor.visited(name) == [*JUDGE, *ASK_PERSON, *NOBODY_CAME, "Ask a reviewer", *REVIEWED]
    (message,) = floor.escalations.sent
    assert (json.loads(message)["inspection_id"], json.loads(message)["round"]) == (floor.row(name).id, 2)
    assert floor.document(name)["decision"]["decision_id"] != "late"
    assert first != second
    floor.assert_filed(name, Verdict.DEFECT)


def test_a_decision_that_was_saved_but_not_delivered_in_time_is_used(open_floor: Open) -> None:
    floor = open_floor(DOUBTFUL, review=SOON)
    floor.deliveries_lost = True

    name = floor.inspect()
    floor.decide(Verdict.DEFECT, name)

    assert floor.visited(name) == [*JUDGE, *ASK_PERSON, *NOBODY_CAME, *REVIEWED]
    assert floor.escalations.sent == []
    assert len(floor.ledger.entries) == 1
    floor.assert_filed(name, Verdict.DEFECT)

    floor.deliveries_lost = False
    floor.deliver()
    assert len(floor.delivered) == 1
    floor.assert_filed(name, Verdict.DEFECT)


def test_a_text_file_is_rejected_without_asking_the_model(open_floor: Open) -> None:
    floor = open_floor()

    name = floor.inspect(b"Part 4711, fine\n", "line-1/part.jpg")

    assert floor.visited(name) == [*CLAIM, "Move to rejected", *TELL]
    assert floor.model.seen == []
    assert json.loads(floor.announced[0])["rejection"]["code"] == "not_an_image"
    floor.assert_filed(name, Verdict.REJECTED)


def test_a_photo_that_the_model_refuses_is_rejected(open_floor: Open) -> None:
    floor = open_floor(Refused("model_image_too_large", "The model refused the photo."))

    name = floor.inspect()

    assert floor.visited(name) == [*CLAIM, *ASK_MODEL, "Move to rejected", *TELL]
    assert json.loads(floor.announced[0])["rejection"]["code"] == "model_image_too_large"
    floor.assert_filed(name, Verdict.REJECTED)


def test_a_photo_waits_for_a_model_that_is_not_ready(open_floor: Open) -> None:
    floor = open_floor(NotReady("stopped", 0), NotReady("starting", 0), CLEAR_OK)

    name = floor.inspect()

    once_more = [*ASK_MODEL, "Wait for model"]
    judged = [*ASK_MODEL, "Is the prediction clear?", "Move to ok", *TELL]
    assert floor.visited(name) == [*CLAIM, *once_more, *once_more, *judged]
    floor.assert_filed(name, Verdict.OK)


def test_a_person_decides_when_no_model_ever_answers(open_floor: Open) -> None:
    floor = open_floor(NotReady("stopped", 1), model_wait=1)

    name = floor.inspect()
    floor.decide(Verdict.OK, name)

    visited = floor.visited(name)
    assert visited[:5] == [*CLAIM, *ASK_MODEL, "Wait for model"]
    assert visited[-8:] == [*ASK_MODEL, "Is the prediction clear?", *ASK_PERSON, *REVIEWED]
    assert "no model answered" in floor.document(name)["detection"]["note"]
    floor.assert_filed(name, Verdict.OK)


def test_an_upload_that_vanished_fails_by_name(open_floor: Open) -> None:
    floor = open_floor()
    image = floor.upload()
    floor.shelf.delete(image)

    name = floor.notify(image)

    assert floor.rest(name) == "FAILED"
    assert floor.visited(name) == [*CLAIM, "Upload vanished"]
    assert (floor.executions.describe(name) or {})["error"] == "UploadVanished"
    assert floor.announced == []


def test_an_upload_that_vanished_while_it_waited_for_the_model_fails_alike(
    open_floor: Open,
) -> None:
    floor = open_floor(NotReady("stopped", 1))
    floor.model.shelf = floor.shelf
    image = floor.upload()

    name = floor.notify(image)
    floor.until(lambda: "Wait for model" in floor.visited(name))
    floor.shelf.delete(image)

    assert floor.rest(name) == "FAILED"
    assert floor.visited(name)[-3:] == [*ASK_MODEL, "Upload vanished"]
    assert floor.row(name).withdrawn
    assert floor.announced == []
    assert floor.books().clean


def test_an_execution_that_does_not_own_the_photo_fails_by_name_and_changes_nothing(open_floor: Open) -> None:
    floor = open_floor(DOUBTFUL)
    owner = floor.inspect()
    before = floor.row(owner)

    intruder = intake.execution_name(before.id, 2)
    floor.executions.start(intruder, intake.document(before.image, before.uploaded_at, 2))
    floor.until(lambda: floor.executions.status(intruder) != "RUNNING")

    assert floor.visited(intruder) == [*CLAIM, "Claim refused"]
    assert (floor.executions.describe(intruder) or {})["error"] == "ClaimRefused"
    assert floor.row(owner) == before
    floor.decide(Verdict.OK, owner)
    floor.assert_filed(owner, Verdict.OK)


def test_the_same_event_six_times_is_one_inspection(open_floor: Open) -> None:
    floor = open_floor()
    image = floor.upload()

    for _ in range(5):
        floor.notify(image)
    name = floor.notify(image)
    floor.rest(name)
    floor.notify(image)

    assert floor.started() == [name]
    assert len(floor.announced) == 1
    floor.assert_filed(name, Verdict.OK)


def test_the_same_name_twice_is_two_inspections(open_floor: Open) -> None:
    floor = open_floor(CLEAR_OK, CLEAR_DEFECT)

    first, second = floor.inspect(), floor.inspect(PHOTO + b"another shot")

    assert first != second
    assert [floor.row(name).verdict for name in (first, second)] == [Verdict.OK, Verdict.DEFECT]
    assert len({json.loads(body)["announcement_id"] for body in floor.announced}) == 2
    assert floor.books().clean


@pytest.mark.parametrize("name", ["a b+c%2F'\".jpg", "Prüfteil 🙂.JPG", "<script>.png", f"{'x' * 1000}.jpg"])
def test_any_name_comes_through_unchanged(open_floor: Open, name: str) -> None:
    floor = open_floor()

    execution = floor.inspect(key=f"line 1/{name}")

    assert json.loads(floor.announced[0])["image"]["key"] == f"line 1/{name}"
    assert floor.row(execution).image.key == f"line 1/{name}"
    assert floor.books().clean


def test_a_photo_that_waits_comes_back_with_a_new_token_in_the_next_execution(open_floor: Open) -> None:
    floor = open_floor(DOUBTFUL)
    lost = floor.inspect()

    following = floor.abandon(lost)
    floor.until(lambda: floor.waits(following) and len(floor.tokens.issued) == 2)
    old, new = floor.tokens.issued
    assert old != new
    assert floor.visited(following) == [*JUDGE, *ASK_PERSON]
    assert len(floor.model.seen) == 1

    floor.decide(Verdict.DEFECT, following)

    assert floor.visited(following) == [*JUDGE, *ASK_PERSON, *REVIEWED]
    floor.assert_filed(following, Verdict.DEFECT)


def test_no_task_token_shows_anywhere(open_floor: Open) -> None:
    floor = open_floor(DOUBTFUL)

    name = floor.inspect()
    floor.decide(Verdict.OK, name)

    assert len(floor.tokens.issued) == 1
    assert floor.tokens.tokens == {}
    assert floor.row(name).id in floor.log.getvalue()
    floor.assert_no_token_shows()


def test_the_check_for_tokens_sees_one(open_floor: Open) -> None:
    floor = open_floor(DOUBTFUL)
    name = floor.inspect()
    floor.log.write(f"careless: {floor.tokens.issued[0]}")

    with pytest.raises(AssertionError):
        floor.assert_no_token_shows()

    floor.log.truncate(0)
    floor.decide(Verdict.OK, name)


def test_a_correction_is_an_execution_that_goes_straight_to_the_filing(open_floor: Open) -> None:
    floor = open_floor(CLEAR_OK)
    first = floor.inspect()
    inspection = floor.row(first).id

    revision.correct(floor.ledger, floor.decisions, inspection, Verdict.DEFECT, "Eve", "a crack")
    second = intake.execution_name(inspection, 2)
    floor.until(lambda: floor.executions.status(second) == "SUCCEEDED")

    assert floor.visited(second) == [*CLAIM, *REVIEWED]
    assert floor.places() == [f"{FILED}/defect/{inspection[:16]}-2/part.jpg"]
    told = [json.loads(body) for body in floor.announced]
    assert [(one["verdict"], one["corrects"]) for one in told] == [
        ("ok", None),
        ("defect", f"{inspection}-1"),
    ]
    assert len(floor.model.seen) == 1
    assert floor.books().clean


def test_another_inspection_asks_the_model_again_and_then_a_person(open_floor: Open) -> None:
    floor = open_floor(CLEAR_OK, DOUBTFUL)
    first = floor.inspect()
    inspection = floor.row(first).id

    revision.inspect_again(floor.ledger, floor.decisions, inspection, "Eve", "a new model")
    second = intake.execution_name(inspection, 2)
    floor.until(lambda: floor.waits(second))
    floor.decide(Verdict.DEFECT, second)

    assert floor.visited(second) == [*JUDGE, *ASK_PERSON, *REVIEWED]
    assert floor.places() == [f"{FILED}/defect/{inspection[:16]}-2/part.jpg"]
    assert [json.loads(body)["decided_by"] for body in floor.announced] == ["model", "reviewer"]
    assert floor.books().clean
    floor.assert_no_token_shows()
