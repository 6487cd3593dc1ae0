"""The model is paid once for a photo, and a photo never gets lost to a model that sleeps."""

from dataclasses import replace

import pytest

from tests.fakes import FakeDetector
from tests.unit.line import CLEARLY_DEFECT, CLEARLY_OK, MODEL, POLICY, UNSURE, Line, scores
from workflow.errors import NotFound, OwnershipLost
from workflow.inspections.inspection import State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.inspections.verdict import Score, Verdict
from workflow.pipeline.detection import NotReady, Refused, Scores, Unreadable
from workflow.review.revision import inspect_again

ASLEEP = NotReady("the model is not running", 30)
REFUSED = Refused("model_invalid_format", "The model refused the photo: no")


def claimed(
    *answers: Scores | NotReady | Refused | Unreadable, policy: RoutingPolicy = POLICY
) -> tuple[Line, Image]:
    line = Line(detector=FakeDetector(*answers), policy=policy)
    image = line.upload()
    line.claim(image, "me")
    return line, image


def test_the_whole_score_vector_is_kept() -> None:
    line, image = claimed(CLEARLY_OK)

    answer = line.detect(image, "me")

    assert answer == {
        "outcome": "answered",
        "verdict": "ok",
        "label": "ok_front",
        "confidence": 0.97,
        "threshold": 0.9,
        "note": "",
        "review_seconds": 3600,
    }
    kept = line.row(image).prediction
    assert kept is not None
    assert kept.scores == (Score("ok_front", 0.97), Score("def_front", 0.03))
    assert (kept.model, kept.policy_version) == (MODEL, "2026-01")
    assert line.detector.seen == [image]


def test_a_stored_answer_is_never_paid_for_twice() -> None:
    line, image = claimed(CLEARLY_OK, CLEARLY_DEFECT)

    assert [line.detect(image, "me"), line.detect(image, "me")] == [line.detect(image, "me")] * 2
    assert len(line.detector.seen) == 1


def test_a_new_policy_does_not_change_what_was_predicted() -> None:
    line, image = claimed(UNSURE)
    first = line.detect(image, "me")
    lenient = replace(POLICY, version="2", labels={}, review_seconds=60)

    again = replace(line, policy=lenient).detect(image, "me")

    assert again == {**first, "review_seconds": 60}


@pytest.mark.parametrize("answer", [scores(), scores(new=0.99), scores(ok_front=0.5, def_front=0.5)])
def test_a_doubtful_answer_is_an_answer_and_unclear(answer: Scores) -> None:
    line, image = claimed(answer)

    detected = line.detect(image, "me")

    assert (detected["outcome"], detected["verdict"]) == ("answered", "unclear")
    assert detected["note"]


def test_a_model_that_is_not_ready_is_asked_again_and_nothing_is_stored() -> None:
    line, image = claimed(ASLEEP, CLEARLY_OK)
    before = line.row(image)

    answer = line.detect(image, "me", waited=5)

    assert answer == {"outcome": "not_ready", "why": "the model is not running", "wait_seconds": 30}
    assert line.row(image) == before
    assert line.detect(image, "me")["outcome"] == "answered"


@pytest.mark.parametrize(("waited", "outcome"), [(86_399, "not_ready"), (86_400, "answered")])
def test_after_the_longest_wait_a_person_decides_without_a_model(waited: float, outcome: str) -> None:
    line, image = claimed(ASLEEP)

    answer = line.detect(image, "me", waited)

    assert answer["outcome"] == outcome
    if outcome == "answered":
        assert (answer["verdict"], answer["note"]) == ("unclear", "no model answered in 24 h")
        assert line.row(image).prediction == POLICY.without_model("no model answered in 24 h")


def test_a_late_model_does_not_change_what_was_given_up() -> None:
    line, image = claimed(ASLEEP, CLEARLY_OK)
    line.detect(image, "me", POLICY.model_wait_seconds)

    assert line.detect(image, "me")["verdict"] == "unclear"


@pytest.mark.parametrize("wait_seconds", [5, 15, 30])
@pytest.mark.parametrize("model_wait_seconds", [24 * 3600, 31_536_000])
def test_the_longest_wait_fits_the_history_of_one_execution(
    wait_seconds: int, model_wait_seconds: int
) -> None:
    policy = replace(POLICY, model_wait_seconds=model_wait_seconds)
    line, image = claimed(NotReady("the model is busy", wait_seconds), policy=policy)
    waited, rounds = 0.0, 0

    while (answer := line.detect(image, "me", waited))["outcome"] == "not_ready":
        waited += answer["wait_seconds"]
        rounds += 1

    events_of_a_round = 9  # Detect labels has 5, Did the model answer? and Wait for model have 2 each.
    assert rounds * events_of_a_round < 20_000
    assert waited < model_wait_seconds * 1.02 + 60


def test_a_photo_that_the_model_refuses_is_rejected_with_the_reason() -> None:
    line, image = claimed(REFUSED)

    assert line.detect(image, "me") == {"outcome": "refused", "code": "model_invalid_format"}
    assert line.row(image).rejection == {
        "code": "model_invalid_format",
        "detail": "The model refused the photo: no",
    }


def test_a_refusal_is_replayed_without_asking_again() -> None:
    line, image = claimed(REFUSED, CLEARLY_OK)

    assert line.detect(image, "me") == line.detect(image, "me")
    assert line.claim(image, "me") == "unreadable"
    assert len(line.detector.seen) == 1


def test_who_does_not_own_the_inspection_does_not_pay_for_it() -> None:
    line, image = claimed(CLEARLY_OK)

    with pytest.raises(OwnershipLost):
        line.detect(image, "you")
    with pytest.raises(NotFound):
        line.detect(Image("inbound", "other.png", "v9"), "me")
    assert line.detector.seen == []


class Promotion(FakeDetector):
    """While the first call is under way, another run of the same step asks and gets the next answer."""

    def custom_labels(self, image: Image) -> Scores | NotReady | Refused:
        answer = super().custom_labels(image)
        if len(self.seen) == 1:
            self.other_run = self.line.detect(image, "me")
        return answer

    line: Line


@pytest.mark.parametrize(
    ("mine", "others"),
    [(CLEARLY_OK, CLEARLY_DEFECT), (CLEARLY_OK, REFUSED), (REFUSED, CLEARLY_OK), (REFUSED, REFUSED)],
)
def test_of_two_runs_at_once_the_first_stored_answer_holds(
    mine: Scores | Refused, others: Scores | Refused
) -> None:
    detector = Promotion(mine, others)
    line = Line(detector=detector)
    detector.line = line
    image = line.upload()
    line.claim(image, "me")

    answer = line.detect(image, "me")

    assert answer == detector.other_run == line.detect(image, "me")
    row = line.row(image)
    assert (row.prediction is None) == bool(row.rejection)
    if row.prediction:
        assert row.prediction.verdict is Verdict(answer["verdict"])


def test_what_s3_gives_to_us_and_not_to_the_model_waits_for_the_set_up() -> None:
    """Rekognition says the same of a missing right as of a missing object."""
    line, image = claimed(Unreadable("check permissions"), CLEARLY_OK)

    answer = line.detect(image, "me")

    assert (answer["outcome"], answer["broken"]) == ("not_ready", True)
    assert "may not read the photos that we may" in answer["why"]
    assert line.row(image).rejection == {}
    assert line.detect(image, "me")["outcome"] == "answered"


def test_an_upload_that_is_gone_from_s3_is_withdrawn_by_the_first_to_see_it_and_by_each_repetition() -> None:
    line, image = claimed(Unreadable("it is not there"))
    line.shelf.delete(image)

    for _ in range(2):
        assert line.detect(image, "me") == {"outcome": "vanished"}
        assert line.row(image).withdrawn
        assert line.claim(image, "me") == "readable"
    assert len(line.detector.seen) == 1
    assert "deleted before the model saw it" in line.row(image).rejection["detail"]


def test_a_crash_before_an_upload_that_is_gone_is_withdrawn_leaves_that_to_the_next_attempt() -> None:
    line, image = claimed(Unreadable("it is not there"))
    line.shelf.delete(image)
    gone = {"code": "model_unreadable_object", "detail": "deleted"}
    line.ledger.record_rejection(inspection_id(image), "me", gone)

    assert line.claim(image, "me") == "readable"
    assert line.detect(image, "me") == {"outcome": "vanished"}
    assert line.row(image).withdrawn


def test_a_repetition_that_comes_after_the_photo_was_filed_does_not_withdraw_it() -> None:
    line = Line()
    image = line.upload()

    class Overtaken:
        """A model that was asked by a run that was given up, while the next one files the photo."""

        def custom_labels(self, asked: Image) -> Unreadable:
            assert line.detect(image, "me")["verdict"] == "ok"
            line.move(image, "me", "ok")
            return Unreadable(f"{asked.key} is not there")

    line.claim(image, "me")
    late = replace(line, detector=Overtaken())

    assert late.detect(image, "me")["verdict"] == "ok"
    assert (line.row(image).state, line.row(image).rejection) == (State.INSPECTING, {})


def test_a_filed_photo_that_is_gone_is_a_loss_and_not_withdrawn() -> None:
    line = Line(detector=FakeDetector(CLEARLY_OK, Unreadable("it is not there")))
    image = line.upload()
    line.inspected(image)
    row = inspect_again(line.ledger, line.decisions, inspection_id(image), "eve", "new model")
    line.shelf.delete(row.location)

    with pytest.raises(NotFound, match="nothing lies at"):
        line.detect(image, row.owner)
    assert (line.row(image).state, line.row(image).rejection) == (State.INSPECTING, {})


def test_an_upload_that_is_deleted_while_no_model_ever_answers_is_withdrawn_too() -> None:
    line, image = claimed(ASLEEP)
    line.shelf.delete(image)

    assert line.detect(image, "me")["outcome"] == "not_ready"
    assert line.detect(image, "me", waited=POLICY.model_wait_seconds) == {"outcome": "vanished"}
    assert line.row(image).withdrawn


def test_a_set_up_that_nobody_mends_leaves_the_photo_to_a_person() -> None:
    line, image = claimed(Unreadable("check permissions"))

    answer = line.detect(image, "me", waited=POLICY.model_wait_seconds)

    assert (answer["outcome"], answer["verdict"]) == ("answered", "unclear")
