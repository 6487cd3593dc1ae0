"""The model is paid once for a photo, and no photo is lost while the model is stopped."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import FakeDetector, InMemoryReferenceRepository
from tests.references import meter, small_reference
from tests.unit.pipeline import CLEARLY_DEFECT, CLEARLY_OK, MODEL, POLICY, UNSURE, Pipeline, scores
from workflow.errors import ConfigurationError, NotFound, OwnershipLost
from workflow.inspections.inspection import InspectionState
from workflow.inspections.model_reference import ModelReference
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.routing_policy import RoutingPolicy
from workflow.inspections.smoke_photos import DECIDED_BY_PERSON
from workflow.inspections.verdict import Score, Verdict
from workflow.photos.measures import PhotoMeter, UnmeasurablePhoto
from workflow.pipeline.detection import ImageRefused, ImageUnreadable, ModelAnswer, ModelNotReady
from workflow.review.revision import reinspect

ASLEEP = ModelNotReady("the model is not running", 30)
REFUSED = ImageRefused("model_invalid_format", "The model refused the photo: no")


def claimed(
    *answers: ModelAnswer | ModelNotReady | ImageRefused | ImageUnreadable, policy: RoutingPolicy = POLICY
) -> tuple[Pipeline, Image]:
    pipeline = Pipeline(detector=FakeDetector(*answers), policy=policy)
    image = pipeline.upload()
    pipeline.claim(image, "me")
    return pipeline, image


def test_the_whole_score_vector_is_kept() -> None:
    pipeline, image = claimed(CLEARLY_OK)

    answer = pipeline.detect(image, "me")

    assert answer == {
        "outcome": "answered",
        "verdict": "ok",
        "label": "ok_front",
        "confidence": 0.97,
        "threshold": 0.9,
        "note": "",
        "unusual": [],
        "reference": "",
        "review_seconds": 3600,
    }
    kept = pipeline.row(image).prediction
    assert kept is not None
    assert kept.scores == (Score("ok_front", 0.97), Score("def_front", 0.03))
    assert (kept.model, kept.policy_version) == (MODEL, "2026-01")
    assert pipeline.detector.seen == [image]


@pytest.mark.parametrize("answer", [CLEARLY_OK, ASLEEP])
def test_a_person_decides_a_photo_of_the_smoke_test_with_and_without_a_model(
    answer: ModelAnswer | ModelNotReady,
) -> None:
    pipeline = Pipeline(detector=FakeDetector(answer))
    image = pipeline.upload(key="partcheck-smoke/partcheck-smoke-1-part.jpg")

    pipeline.waiting(image)

    prediction = pipeline.row(image).prediction
    assert prediction is not None
    assert (prediction.verdict, prediction.note) == (Verdict.UNCLEAR, DECIDED_BY_PERSON)
    assert prediction.model == ("" if answer is ASLEEP else MODEL)
    assert pipeline.row(image).state is InspectionState.WAITING


def test_a_stored_answer_is_never_paid_for_twice() -> None:
    pipeline, image = claimed(CLEARLY_OK, CLEARLY_DEFECT)

    assert [pipeline.detect(image, "me"), pipeline.detect(image, "me")] == [pipeline.detect(image, "me")] * 2
    assert len(pipeline.detector.seen) == 1


def test_a_new_policy_does_not_change_what_was_predicted() -> None:
    pipeline, image = claimed(UNSURE)
    first = pipeline.detect(image, "me")
    lenient = replace(POLICY, version="2", labels={}, review_seconds=60)

    again = replace(pipeline, policy=lenient).detect(image, "me")

    assert again == {**first, "review_seconds": 60}


@pytest.mark.parametrize("answer", [scores(), scores(new=0.99), scores(ok_front=0.5, def_front=0.5)])
def test_a_doubtful_answer_is_an_answer_and_unclear(answer: ModelAnswer) -> None:
    pipeline, image = claimed(answer)

    detected = pipeline.detect(image, "me")

    assert (detected["outcome"], detected["verdict"]) == ("answered", "unclear")
    assert detected["note"]


def test_a_model_that_is_not_ready_is_asked_again_and_nothing_is_stored() -> None:
    pipeline, image = claimed(ASLEEP, CLEARLY_OK)
    before = pipeline.row(image)

    answer = pipeline.detect(image, "me", waited=5)

    assert answer == {
        "outcome": "not_ready",
        "reason": "the model is not running",
        "wait_seconds": 30,
        "timeout_seconds": POLICY.model_wait_seconds - 5,
    }
    assert pipeline.row(image) == before
    assert pipeline.detect(image, "me")["outcome"] == "answered"


@pytest.mark.parametrize(("waited", "outcome"), [(86_399, "not_ready"), (86_400, "answered")])
def test_after_the_longest_wait_a_person_decides_without_a_model(waited: float, outcome: str) -> None:
    pipeline, image = claimed(ASLEEP, CLEARLY_OK)

    answer = pipeline.detect(image, "me", waited)

    assert answer["outcome"] == outcome
    if outcome == "answered":
        assert (answer["verdict"], answer["note"]) == ("unclear", "no model answered in 24 h")
        assert pipeline.row(image).prediction == POLICY.predict_without_model("no model answered in 24 h")
        assert pipeline.detect(image, "me") == answer, "a late model changes what was given up"


@pytest.mark.parametrize("wait_seconds", [5, 15, 30])
@pytest.mark.parametrize("model_wait_seconds", [24 * 3600, 31_536_000])
def test_the_longest_wait_fits_the_history_of_one_execution(
    wait_seconds: int, model_wait_seconds: int
) -> None:
    policy = replace(POLICY, model_wait_seconds=model_wait_seconds)
    pipeline, image = claimed(ModelNotReady("the model is busy", wait_seconds, busy=True), policy=policy)
    waited, rounds = 0.0, 0

    while (answer := pipeline.detect(image, "me", waited))["outcome"] == "busy":
        waited += answer["wait_seconds"]
        rounds += 1

    events_of_a_round = 9  # Detect labels has 5, Did the model answer? and the Wait have 2 each.
    assert rounds * events_of_a_round < 20_000
    assert waited < model_wait_seconds * 1.02 + 60


def test_a_photo_that_the_model_refuses_is_rejected_with_the_reason_and_not_asked_again() -> None:
    pipeline, image = claimed(REFUSED, CLEARLY_OK)

    answers = [pipeline.detect(image, "me") for _ in range(2)]

    assert answers == [{"outcome": "refused", "code": "model_invalid_format"}] * 2
    assert pipeline.row(image).rejection == {"code": REFUSED.code, "detail": REFUSED.detail}
    assert pipeline.claim(image, "me") == "unreadable"
    assert len(pipeline.detector.seen) == 1


def test_who_does_not_own_the_inspection_does_not_pay_for_it() -> None:
    pipeline, image = claimed(CLEARLY_OK)

    with pytest.raises(OwnershipLost):
        pipeline.detect(image, "you")
    with pytest.raises(NotFound):
        pipeline.detect(Image("inbound", "other.png", "v9"), "me")
    assert pipeline.detector.seen == []


class Promotion(FakeDetector):
    """A detector that a concurrent run of the same state asks during the first call, for the next answer."""

    def detect_labels(self, image: Image) -> ModelAnswer | ModelNotReady | ImageRefused:
        answer = super().detect_labels(image)
        if len(self.seen) == 1:
            self.other_run = self.pipeline.detect(image, "me")
        return answer

    pipeline: Pipeline


@pytest.mark.parametrize(
    ("mine", "others"),
    [(CLEARLY_OK, CLEARLY_DEFECT), (CLEARLY_OK, REFUSED), (REFUSED, CLEARLY_OK), (REFUSED, REFUSED)],
)
def test_of_two_runs_at_once_the_first_stored_answer_holds(
    mine: ModelAnswer | ImageRefused, others: ModelAnswer | ImageRefused
) -> None:
    detector = Promotion(mine, others)
    pipeline = Pipeline(detector=detector)
    detector.pipeline = pipeline
    image = pipeline.upload()
    pipeline.claim(image, "me")

    answer = pipeline.detect(image, "me")

    assert answer == detector.other_run == pipeline.detect(image, "me")
    row = pipeline.row(image)
    assert (row.prediction is None) == bool(row.rejection)
    if row.prediction:
        assert row.prediction.verdict is Verdict(answer["verdict"])


def test_what_s3_gives_to_us_and_not_to_the_model_waits_for_the_set_up() -> None:
    """Rekognition returns the same error for a missing permission and a missing object."""
    pipeline, image = claimed(ImageUnreadable("check permissions"), CLEARLY_OK)

    answer = pipeline.detect(image, "me")

    assert (answer["outcome"], answer["broken"]) == ("not_ready", True)
    assert "may not read the photos that we may" in answer["reason"]
    assert pipeline.row(image).rejection == {}
    assert pipeline.detect(image, "me")["outcome"] == "answered"


def test_a_set_up_that_stays_broken_leaves_the_photo_to_a_person() -> None:
    pipeline, image = claimed(ImageUnreadable("check permissions"))

    answer = pipeline.detect(image, "me", waited=POLICY.model_wait_seconds)

    assert (answer["outcome"], answer["verdict"]) == ("answered", "unclear")


def test_an_upload_that_is_gone_from_s3_is_withdrawn_by_the_first_to_see_it_and_by_each_repetition() -> None:
    pipeline, image = claimed(ImageUnreadable("it is not there"))
    pipeline.objects.delete(image)

    for _ in range(2):
        assert pipeline.detect(image, "me") == {"outcome": "vanished"}
        assert pipeline.row(image).withdrawn
        assert pipeline.claim(image, "me") == "readable"
    assert len(pipeline.detector.seen) == 1
    assert "deleted before the model saw it" in pipeline.row(image).rejection["detail"]


def test_a_crash_before_an_upload_that_is_gone_is_withdrawn_leaves_that_to_the_next_attempt() -> None:
    pipeline, image = claimed(ImageUnreadable("it is not there"))
    pipeline.objects.delete(image)
    gone = {"code": "model_unreadable_object", "detail": "deleted"}
    pipeline.inspections.record_rejection(inspection_id(image), "me", gone)

    assert pipeline.claim(image, "me") == "readable"
    assert pipeline.detect(image, "me") == {"outcome": "vanished"}
    assert pipeline.row(image).withdrawn


def test_a_repetition_that_comes_after_the_photo_was_filed_does_not_withdraw_it() -> None:
    pipeline = Pipeline()
    image = pipeline.upload()

    class Overtaken:
        """A detector that an abandoned run asks while the next run files the photo."""

        def detect_labels(self, asked: Image) -> ImageUnreadable:
            assert pipeline.detect(image, "me")["verdict"] == "ok"
            pipeline.move(image, "me", "ok")
            return ImageUnreadable(f"{asked.key} is not there")

    pipeline.claim(image, "me")
    late = replace(pipeline, detector=Overtaken())

    assert late.detect(image, "me")["verdict"] == "ok"
    assert (pipeline.row(image).state, pipeline.row(image).rejection) == (InspectionState.INSPECTING, {})


def test_a_filed_photo_that_is_gone_is_a_loss_and_not_withdrawn() -> None:
    pipeline = Pipeline(detector=FakeDetector(CLEARLY_OK, ImageUnreadable("it is not there")))
    image = pipeline.upload()
    pipeline.inspected(image)
    row = reinspect(pipeline.inspections, pipeline.decisions, inspection_id(image), "eve", "new model")
    pipeline.objects.delete(row.location)

    with pytest.raises(NotFound, match="no object at"):
        pipeline.detect(image, row.owner)
    assert (pipeline.row(image).state, pipeline.row(image).rejection) == (InspectionState.INSPECTING, {})


def test_an_upload_that_is_deleted_while_no_model_ever_answers_is_withdrawn_too() -> None:
    pipeline, image = claimed(ASLEEP)
    pipeline.objects.delete(image)

    assert pipeline.detect(image, "me")["outcome"] == "not_ready"
    assert pipeline.detect(image, "me", waited=POLICY.model_wait_seconds) == {"outcome": "vanished"}
    assert pipeline.row(image).withdrawn


def guarded(pipeline: Pipeline, **changes: Any) -> Pipeline:
    """Return the pipeline with a reference of its model; the changes are those of the reference."""
    reference = small_reference(**{"model": MODEL, **changes})
    return replace(pipeline, references=InMemoryReferenceRepository(reference))


def uploaded(**measures: Any) -> tuple[Pipeline, Image]:
    """Return a pipeline with a reference, whose photo has these measures and clearly shows an ok part."""
    pipeline = guarded(Pipeline(detector=FakeDetector(CLEARLY_OK), meter=meter(**measures)))
    image = pipeline.upload()
    pipeline.claim(image, "me")
    return pipeline, image


def test_a_usual_photo_keeps_the_models_verdict_and_names_its_reference() -> None:
    answer = Pipeline.detect(*uploaded(), "me")

    assert (answer["verdict"], answer["unusual"]) == ("ok", [])
    assert answer["reference"] == small_reference().made_at


def test_an_unusual_photo_is_unclear_at_any_confidence_with_the_models_scores() -> None:
    pipeline, image = uploaded(brightness=3.0, descriptor=(1.0, 2.0, 13.0))

    answer = pipeline.detect(image, "me")

    reasons = (
        "darker than every learned photo (mean 3; learned 92 to 140)",
        "further from the learned photos than any of them (distance 40.0; limit 3.5)",
    )
    assert (answer["verdict"], answer["unusual"]) == ("unclear", list(reasons))
    assert answer["note"] == f"the photo is unusual: {'; '.join(reasons)}"
    prediction = pipeline.row(image).prediction
    assert prediction is not None
    assert prediction.unusual == reasons
    assert (prediction.confidence, prediction.scores) == (0.97, CLEARLY_OK.scores)
    assert pipeline.detect(image, "me") == answer
    assert len(pipeline.detector.seen) == 1


def test_a_reference_that_comes_later_does_not_change_a_stored_answer() -> None:
    pipeline, image = claimed(CLEARLY_OK)
    before = pipeline.detect(image, "me")

    assert guarded(pipeline, ranges={}).detect(image, "me") == before


def test_without_a_reference_the_model_decides_and_the_answer_names_none() -> None:
    pipeline, image = uploaded(brightness=0.0)

    answer = replace(pipeline, references=InMemoryReferenceRepository()).detect(image, "me")

    assert (answer["verdict"], answer["unusual"], answer["reference"]) == ("ok", [], "")


class WrongReferences(InMemoryReferenceRepository):
    """A repository that returns the same reference for every model, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self._error = error

    def get(self, model: str) -> ModelReference | None:
        if self._error:
            raise self._error
        return small_reference()


UNREADABLE = ConfigurationError("model reference: the field 'limit' is missing")


@pytest.mark.parametrize(
    ("references", "reason"),
    [
        (WrongReferences(), f"made for another model, {small_reference().model}"),
        (WrongReferences(UNREADABLE), "the field 'limit' is missing"),
        (
            InMemoryReferenceRepository(small_reference(model=MODEL, decoder_version=2)),
            "the reference of arn",
        ),
    ],
)
def test_a_reference_that_does_not_fit_is_refused_by_name_and_the_photo_is_unclear(
    references: InMemoryReferenceRepository, reason: str
) -> None:
    pipeline, image = claimed(CLEARLY_OK)

    answer = replace(pipeline, references=references).detect(image, "me")

    assert answer["verdict"] == "unclear"
    [sentence] = answer["unusual"]
    assert reason in sentence
    assert MODEL in sentence


@pytest.mark.parametrize("references", [InMemoryReferenceRepository(), WrongReferences()])
def test_a_photo_that_could_not_be_measured_is_unclear_even_without_a_reference(
    references: InMemoryReferenceRepository,
) -> None:
    broken = PhotoMeter(1, lambda _content: UnmeasurablePhoto("not a readable JPEG or PNG"))
    pipeline = Pipeline(detector=FakeDetector(CLEARLY_OK), meter=broken, references=references)
    image = pipeline.upload()

    assert pipeline.claim(image, "me") == "readable"
    answer = pipeline.detect(image, "me")

    assert answer["verdict"] == "unclear"
    assert answer["unusual"] == ["its light and shape could not be measured (not a readable JPEG or PNG)"]


def test_a_photo_that_was_claimed_before_photos_were_measured_is_unclear() -> None:
    pipeline, image = uploaded()
    row = pipeline.row(image)
    pipeline.inspections.rows[row.id] = replace(row, measures=None)

    answer = pipeline.detect(image, "me")

    assert answer["verdict"] == "unclear"
    assert answer["unusual"] == ["it was claimed before photos were measured; reinspect it"]


def without_reasons(pipeline: Pipeline, image: Image) -> dict[str, Any]:
    """Detect as if the guard had no influence on the prediction."""
    return replace(pipeline, references=InMemoryReferenceRepository()).detect(image, "me")


def above_its_threshold(pipeline: Pipeline, image: Image) -> dict[str, Any]:
    """Detect as if the reasons only mattered below the threshold."""
    answer = pipeline.detect(image, "me")
    return {**answer, "verdict": "ok"} if answer["confidence"] >= answer["threshold"] else answer


@pytest.mark.parametrize("variant", [without_reasons, above_its_threshold])
def test_a_detection_that_ignores_the_guard_is_found(variant: Callable[..., dict[str, Any]]) -> None:
    pipeline, image = uploaded(brightness=3.0)

    assert variant(pipeline, image)["verdict"] != "unclear"
    assert Pipeline.detect(*uploaded(brightness=3.0), "me")["verdict"] == "unclear"


def test_a_photo_that_no_model_judged_has_no_reason_of_the_guard() -> None:
    pipeline, image = uploaded(brightness=3.0)

    answer = replace(pipeline, detector=FakeDetector(ASLEEP)).detect(image, "me", POLICY.model_wait_seconds)

    assert (answer["note"], answer["unusual"]) == ("no model answered in 24 h", [])
