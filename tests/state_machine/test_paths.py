"""Every path through the state machine, on the engine."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from tests.fakes import STOPPED
from tests.state_machine.in_memory_environment import (
    CLEAR_DEFECT,
    CLEAR_OK,
    FILED,
    PARK,
    UNCLEAR,
    Answer,
    InMemoryEnvironment,
    model_answer,
)
from workflow.inspections.verdict import Verdict
from workflow.pipeline import executions
from workflow.pipeline.detection import ImageRefused, ModelNotReady
from workflow.review import revision

EnvironmentFactory = Callable[..., InMemoryEnvironment]

CLAIM = ["Claim upload", "Is the upload readable?"]
DETECT = ["Detect labels", "Did the model answer?"]
PREDICT = [*CLAIM, *DETECT, "Is the prediction clear?"]
ASK_REVIEWER = ["Move to unclear", "Ask a reviewer"]
ESCALATE = ["Escalate review", "Does a decision stand?"]
ANNOUNCE = ["Announce verdict", "Close inspection"]
REVIEWED = ["Move to reviewed verdict", *ANNOUNCE]

SHORT_SECONDS = 2
BUSY = ModelNotReady("the model is busy", 0, busy=True)


@pytest.fixture(params=[False, True], ids=["the model runs", "the model is stopped at first"])
def create_path(create_environment: EnvironmentFactory, request: pytest.FixtureRequest) -> EnvironmentFactory:
    """Create environments in which each path is taken twice: also by a photo that is parked first."""
    return partial(create_environment, stopped_first=request.param)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (CLEAR_OK, Verdict.OK),
        (CLEAR_DEFECT, Verdict.DEFECT),
        (model_answer(good=0.8), Verdict.OK),
        (model_answer(crack=0.9), Verdict.DEFECT),
    ],
    ids=["ok", "defect", "ok at its threshold", "defect at its threshold"],
)
def test_a_clear_prediction_files_the_photo_without_a_reviewer(
    create_path: EnvironmentFactory, answer: Answer, verdict: Verdict
) -> None:
    environment = create_path(answer)

    name = environment.inspect()

    assert environment.visited_states(name) == [*PREDICT, f"Move to {verdict}", *ANNOUNCE]
    assert environment.output_of(name)["filed"]["announcement"] == environment.announcements[0]
    assert json.loads(environment.announcements[0])["decided_by"] == "model"
    environment.assert_filed(name, verdict)


@pytest.mark.parametrize("verdict", [Verdict.OK, Verdict.DEFECT])
def test_an_unclear_photo_waits_for_a_reviewer_and_follows_the_decision(
    create_path: EnvironmentFactory, verdict: Verdict
) -> None:
    environment = create_path(UNCLEAR)

    name = environment.inspect()
    assert environment.is_waiting(name)
    assert environment.announcements == []
    assert environment.check_consistency().balance.waiting == 1
    environment.decide(verdict, name)

    assert environment.visited_states(name) == [*PREDICT, *ASK_REVIEWER, *REVIEWED]
    decision = environment.row(name).decision
    assert decision is not None
    assert environment.output_of(name)["decision"] == {"decision_id": decision.id, "verdict": verdict}
    assert json.loads(environment.announcements[0])["review"]["decision_id"] == decision.id
    assert [entry.decision_id for entry in environment.inspections.entries] == [decision.id]
    environment.assert_filed(name, verdict)


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        (model_answer(rust=1.0), "does not know the label 'rust'"),
        (model_answer(), "named no label"),
        (model_answer(good=0.9, crack=0.9), "contradict"),
        (model_answer(good=0.99, crack=0.6), "contradict"),
    ],
    ids=["unknown label", "no label", "tie", "contradiction"],
)
def test_a_doubtful_answer_is_unclear_at_any_confidence(
    create_path: EnvironmentFactory, answer: Answer, note: str
) -> None:
    environment = create_path(answer)

    name = environment.inspect()
    environment.decide(Verdict.OK, name)

    assert environment.visited_states(name) == [*PREDICT, *ASK_REVIEWER, *REVIEWED]
    assert note in environment.output_of(name)["detection"]["note"]
    environment.assert_filed(name, Verdict.OK)


def test_an_overdue_review_is_opened_again_with_a_new_token(create_path: EnvironmentFactory) -> None:
    environment = create_path(UNCLEAR, review=SHORT_SECONDS)

    name = environment.inspect()
    environment.wait_until(lambda: environment.is_waiting(name, round_=2))
    first, second = environment.task_tokens.issued
    environment.executions.complete_task(first, {"decision_id": "late", "verdict": "ok"})
    environment.decide(Verdict.DEFECT, name)

    again = [*ESCALATE, "Ask a reviewer"]
    assert environment.visited_states(name) == [*PREDICT, *ASK_REVIEWER, *again, *REVIEWED]
    (message,) = map(json.loads, environment.escalations.sent)
    assert (message["inspection_id"], message["round"]) == (environment.row(name).id, 2)
    assert environment.output_of(name)["decision"]["decision_id"] != "late"
    assert first != second
    environment.assert_filed(name, Verdict.DEFECT)


def test_a_saved_decision_is_used_although_it_was_not_delivered_in_time(
    create_path: EnvironmentFactory,
) -> None:
    environment = create_path(UNCLEAR, review=SHORT_SECONDS)
    environment.deliveries_dropped = True

    name = environment.inspect()
    environment.decide(Verdict.DEFECT, name)

    assert environment.visited_states(name) == [*PREDICT, *ASK_REVIEWER, *ESCALATE, *REVIEWED]
    assert environment.escalations.sent == []
    assert len(environment.inspections.entries) == 1
    environment.assert_filed(name, Verdict.DEFECT)

    environment.deliveries_dropped = False
    environment.deliver_decisions()
    assert len(environment.delivered) == 1
    environment.assert_filed(name, Verdict.DEFECT)


def test_a_text_file_is_rejected_without_calling_the_model(create_environment: EnvironmentFactory) -> None:
    environment = create_environment()

    name = environment.inspect(b"Part 4711, fine\n", "line-1/part.jpg")

    assert environment.visited_states(name) == [*CLAIM, "Move to rejected", *ANNOUNCE]
    assert environment.detector.seen == []
    assert json.loads(environment.announcements[0])["rejection"]["code"] == "not_an_image"
    environment.assert_filed(name, Verdict.REJECTED)


def test_a_photo_that_the_model_refuses_is_rejected(create_path: EnvironmentFactory) -> None:
    environment = create_path(ImageRefused("model_image_too_large", "The model refused the photo."))

    name = environment.inspect()

    assert environment.visited_states(name) == [*CLAIM, *DETECT, "Move to rejected", *ANNOUNCE]
    assert json.loads(environment.announcements[0])["rejection"]["code"] == "model_image_too_large"
    environment.assert_filed(name, Verdict.REJECTED)


def test_a_photo_asks_a_busy_model_again(create_environment: EnvironmentFactory) -> None:
    environment = create_environment(BUSY, BUSY, CLEAR_OK)

    name = environment.inspect()

    attempt = [*DETECT, "Wait while the model is busy"]
    predicted = [*DETECT, "Is the prediction clear?", "Move to ok", *ANNOUNCE]
    assert environment.visited_states(name) == [*CLAIM, *attempt, *attempt, *predicted]
    environment.assert_filed(name, Verdict.OK)


def test_a_photo_waits_in_at_most_six_transitions_for_a_model_that_is_woken_once_in_vain(
    create_environment: EnvironmentFactory,
) -> None:
    environment = create_environment(STOPPED)

    name = environment.inspect()
    environment.wake_parked()
    environment.wait_until(lambda: environment.visited_states(name).count(PARK[-1]) == 2)
    environment.run_until_idle(name)
    environment.detector.answers = [CLEAR_OK]
    environment.wake_parked()
    environment.run_until_idle(name)

    visited = environment.visited_states(name)
    assert visited == [*CLAIM, *PARK, *PARK, *PREDICT[2:], "Move to ok", *ANNOUNCE]
    assert len(visited) - len([*PREDICT, "Move to ok", *ANNOUNCE]) == 6
    environment.assert_filed(name, Verdict.OK)


def test_a_photo_that_parks_while_the_model_starts_goes_on_at_once(
    create_environment: EnvironmentFactory,
) -> None:
    environment = create_environment(STOPPED, CLEAR_OK)

    name = environment.send_upload_event(environment.upload())
    environment.wait_until(lambda: not environment.is_running(name))

    assert environment.visited_states(name) == [*CLAIM, *PARK, *PREDICT[2:], "Move to ok", *ANNOUNCE]
    assert len(environment.detector.seen) == 2
    environment.assert_filed(name, Verdict.OK)


def test_a_reviewer_decides_if_no_model_ever_answers(create_environment: EnvironmentFactory) -> None:
    environment = create_environment(STOPPED, model_wait=2)

    name = environment.send_upload_event(environment.upload())
    environment.wait_until(lambda: environment.is_waiting(name))
    environment.decide(Verdict.OK, name)

    visited = environment.visited_states(name)
    assert visited == [*CLAIM, *PARK, *PREDICT[2:], *ASK_REVIEWER, *REVIEWED]
    assert "no model answered" in environment.output_of(name)["detection"]["note"]
    environment.assert_filed(name, Verdict.OK)


def test_a_vanished_upload_fails_by_name(create_environment: EnvironmentFactory) -> None:
    environment = create_environment()
    image = environment.upload()
    environment.objects.delete(image)

    name = environment.send_upload_event(image)

    assert environment.run_until_idle(name) == "FAILED"
    assert environment.visited_states(name) == [*CLAIM, "Upload vanished"]
    assert (environment.executions.describe(name) or {})["error"] == "UploadVanished"
    assert environment.announcements == []


def test_an_upload_that_vanishes_while_it_waits_for_the_model_fails_by_name(
    create_environment: EnvironmentFactory,
) -> None:
    environment = create_environment(STOPPED)
    image = environment.upload()

    name = environment.send_upload_event(image)
    environment.run_until_idle(name)
    environment.detector.objects = environment.objects
    environment.objects.delete(image)
    environment.wake_parked()

    assert environment.run_until_idle(name) == "FAILED"
    assert environment.visited_states(name)[-3:] == [*DETECT, "Upload vanished"]
    assert environment.row(name).withdrawn
    assert environment.announcements == []
    assert environment.check_consistency().is_clean


def test_an_execution_that_does_not_own_the_photo_fails_by_name_without_changes(
    create_path: EnvironmentFactory,
) -> None:
    environment = create_path(UNCLEAR)
    owner = environment.inspect()
    before = environment.row(owner)

    other_execution = executions.execution_name(before.id, 2)
    environment.executions.start(
        other_execution, executions.execution_input(before.image, before.uploaded_at, 2)
    )
    environment.wait_until(lambda: environment.executions.get_status(other_execution) != "RUNNING")

    assert environment.visited_states(other_execution) == [*CLAIM, "Claim refused"]
    assert (environment.executions.describe(other_execution) or {})["error"] == "ClaimRefused"
    assert environment.row(owner) == before
    environment.decide(Verdict.OK, owner)
    environment.assert_filed(owner, Verdict.OK)


def test_a_waiting_photo_gets_a_new_token_in_the_next_execution(
    create_path: EnvironmentFactory,
) -> None:
    environment = create_path(UNCLEAR)
    lost = environment.inspect()

    following = environment.start_next_attempt(lost)
    environment.wait_until(
        lambda: environment.is_waiting(following) and len(environment.task_tokens.issued) == 2
    )
    old, new = environment.task_tokens.issued
    assert old != new
    assert environment.visited_states(following) == [*PREDICT, *ASK_REVIEWER]
    assert len(environment.detector.seen) == 1

    environment.decide(Verdict.DEFECT, following)

    assert environment.visited_states(following) == [*PREDICT, *ASK_REVIEWER, *REVIEWED]
    environment.assert_filed(following, Verdict.DEFECT)


def test_no_task_token_is_visible(create_path: EnvironmentFactory) -> None:
    environment = create_path(UNCLEAR)

    name = environment.inspect()
    environment.decide(Verdict.OK, name)

    assert len(environment.task_tokens.issued) == 1
    assert environment.task_tokens.tokens == {}
    assert environment.row(name).id in environment.log.getvalue()
    environment.assert_no_token_leaks()


def test_the_token_check_detects_a_leak(create_environment: EnvironmentFactory) -> None:
    environment = create_environment(UNCLEAR)
    name = environment.inspect()
    environment.log.write(f"leaked: {environment.task_tokens.issued[0]}")

    with pytest.raises(AssertionError):
        environment.assert_no_token_leaks()

    environment.log.truncate(0)
    environment.decide(Verdict.OK, name)


def test_an_override_is_an_execution_that_goes_straight_to_filing(
    create_path: EnvironmentFactory,
) -> None:
    environment = create_path(CLEAR_OK)
    first = environment.inspect()
    inspection = environment.row(first).id

    revision.override(
        environment.inspections,
        environment.decisions,
        inspection,
        verdict=Verdict.DEFECT,
        reviewer="Eve",
        reason="a crack",
    )
    second = executions.execution_name(inspection, 2)
    environment.wait_until(lambda: environment.executions.get_status(second) == "SUCCEEDED")

    assert environment.visited_states(second) == [*CLAIM, *REVIEWED]
    assert environment.object_paths() == [f"{FILED}/defect/{inspection[:16]}-2/part.jpg"]
    messages = [json.loads(body) for body in environment.announcements]
    assert [(message["verdict"], message["corrects"]) for message in messages] == [
        ("ok", None),
        ("defect", f"{inspection}-1"),
    ]
    assert len(environment.detector.seen) == 1
    assert environment.check_consistency().is_clean


def test_a_reinspection_calls_the_model_again_and_then_asks_a_reviewer(
    create_path: EnvironmentFactory,
) -> None:
    environment = create_path(CLEAR_OK, UNCLEAR)
    first = environment.inspect()
    inspection = environment.row(first).id

    revision.reinspect(environment.inspections, environment.decisions, inspection, "Eve", "a new model")
    second = executions.execution_name(inspection, 2)
    environment.wait_until(lambda: environment.is_waiting(second))
    environment.decide(Verdict.DEFECT, second)

    assert environment.visited_states(second) == [*PREDICT, *ASK_REVIEWER, *REVIEWED]
    assert environment.object_paths() == [f"{FILED}/defect/{inspection[:16]}-2/part.jpg"]
    assert [json.loads(body)["decided_by"] for body in environment.announcements] == ["model", "reviewer"]
    assert environment.check_consistency().is_clean
    environment.assert_no_token_leaks()


@pytest.mark.parametrize("state", ["Ask a reviewer", "Wait for the model", "Wait while the model is busy"])
def test_a_stopped_execution_ends_although_it_waits_and_the_next_attempt_finishes_its_work(
    create_environment: EnvironmentFactory, state: str
) -> None:
    answers = {
        "Wait for the model": [STOPPED],
        "Wait while the model is busy": [replace(BUSY, wait_seconds=99)],
    }
    environment = create_environment(*answers.get(state, [UNCLEAR]))
    first = environment.send_upload_event(environment.upload())
    environment.wait_until(lambda: environment.visited_states(first)[-1:] == [state])
    if state != "Wait while the model is busy":
        environment.run_until_idle(first)
    environment.detector.answers = [UNCLEAR]

    assert environment.executions.stop(first, "Ada: stuck")
    environment.wait_until(lambda: not environment.is_running(first))

    ended = environment.executions.describe(first) or {}
    assert (ended["status"], environment.visited_states(first)[-1]) == ("ABORTED", state)
    assert environment.executions.get_history(first)[-1]["type"] == "ExecutionAborted"
    environment.reconcile()
    second = environment.row(first).owner
    assert second != first
    environment.run_until_idle(second)
    environment.decide(Verdict.DEFECT, second)
    environment.assert_filed(second, Verdict.DEFECT)
