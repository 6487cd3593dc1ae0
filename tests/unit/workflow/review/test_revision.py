"""An announced verdict is revised: the photo moves, the revision is announced, and the history is kept."""

import json
import uuid
from typing import Any

import pytest

from tests.fakes import FakeDetector
from tests.unit.pipeline import CLEARLY_DEFECT, CLEARLY_OK, FILED, PHOTO, UNSURE, Pipeline
from tests.unit.workflow.conftest import Clock, Repositories
from workflow.errors import Conflict, NotFound
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline import filing
from workflow.pipeline.detection import ImageRefused
from workflow.pipeline.executions import execution_name
from workflow.recovery.decision_delivery import DeliveryOutcome
from workflow.review import revision
from workflow.review.revision import MAX_REVISIONS


@pytest.fixture
def pipeline(repositories: Repositories, clock: Clock) -> Pipeline:
    return repositories.pipeline(CLEARLY_OK)


def inspected(pipeline: Pipeline, content: bytes = PHOTO) -> Image:
    image = pipeline.upload(content)
    pipeline.inspected(image)
    return image


def override(
    pipeline: Pipeline, image: Image, verdict: Verdict = Verdict.DEFECT, reason: str = "a crack", **how: Any
) -> Inspection:
    facts = {"verdict": verdict, "reviewer": "eve", "reason": reason, **how}
    return revision.override(pipeline.inspections, pipeline.decisions, inspection_id(image), **facts)


def reinspect(pipeline: Pipeline, image: Image, **how: Any) -> Inspection:
    return revision.reinspect(
        pipeline.inspections, pipeline.decisions, inspection_id(image), "eve", "new model", **how
    )


def run(pipeline: Pipeline, image: Image) -> Inspection:
    """Let the queue start the revision's execution, and run it to its end."""
    delivery_outcome = pipeline.deliver(image)
    row = pipeline.row(image)
    assert delivery_outcome == DeliveryOutcome.RESTARTED
    assert row.owner in pipeline.executions.list_running()
    outcome = pipeline.claim(image, row.owner, row.attempt)
    target = {"decided": filing.FilingTarget.REVIEWED, "unreadable": "rejected"}.get(outcome, "")
    if not target:
        detection = pipeline.detect(image, row.owner)
        answered = detection["outcome"] == "answered"
        is_clear = answered and detection["confidence"] >= detection["threshold"]
        fallback = "rejected" if detection["outcome"] == "refused" else "unclear"
        target = detection["verdict"] if is_clear else fallback
    if target != "unclear":
        return pipeline.finish(image, target)
    pipeline.move(image, row.owner, target)
    return pipeline.row(image)


def revisions(pipeline: Pipeline, field: str) -> list[Any]:
    """Return a field of each verdict message."""
    return [json.loads(body)[field] for body in pipeline.verdicts.sent]


def test_an_override_moves_the_photo_and_announces_the_corrected_announcement(pipeline: Pipeline) -> None:
    image = inspected(pipeline)
    content = pipeline.objects.contents[pipeline.row(image).location]

    override(pipeline, image, defect_class="crack")
    row = run(pipeline, image)

    assert (row.verdict, row.state, row.revision) == (Verdict.DEFECT, InspectionState.CLOSED, 2)
    assert pipeline.objects.contents == {row.location: content}
    first, second = (json.loads(body) for body in pipeline.verdicts.sent)
    assert (first["announcement_id"], first["revision"], first["corrects"]) == (f"{row.id}-1", 1, None)
    assert (second["announcement_id"], second["revision"]) == (f"{row.id}-2", 2)
    assert (second["corrects"], second["verdict"]) == (f"{row.id}-1", "defect")
    assert (second["decided_by"], second["review"]["defect_class"]) == ("reviewer", "crack")
    assert len(pipeline.detector.seen) == 1


def test_an_override_has_its_own_execution_and_keeps_the_revision_before(pipeline: Pipeline) -> None:
    image = inspected(pipeline)
    before = pipeline.row(image)

    row = override(pipeline, image)

    (previous,) = row.previous_revisions
    assert (previous.revision, previous.verdict, previous.settled_at) == (1, Verdict.OK, before.settled_at)
    assert (previous.execution, previous.prediction) == (before.owner, before.prediction)
    (entry,) = pipeline.inspections.entries
    assert (entry.action, entry.actor, entry.before, entry.after) == ("override", "eve", "ok", "defect")
    assert entry.reason == "a crack"
    assert row.owner == execution_name(row.id, 2)
    assert (row.state, row.settled, row.revision_attempts) == (InspectionState.INSPECTING, False, 1)
    assert pipeline.claim(image, execution_name(row.id, 1)) == "not_owner"


def test_an_override_can_be_overridden(pipeline: Pipeline) -> None:
    image = inspected(pipeline)
    override(pipeline, image)
    run(pipeline, image)

    override(pipeline, image, Verdict.OK)
    row = run(pipeline, image)

    assert (row.verdict, row.revision) == (Verdict.OK, 3)
    assert [previous.verdict for previous in row.previous_revisions] == [Verdict.OK, Verdict.DEFECT]
    assert list(pipeline.objects.contents) == [row.location]
    assert revisions(pipeline, "corrects") == [None, f"{row.id}-1", f"{row.id}-2"]


def test_a_reviewers_decision_is_overridden_like_the_models(repositories: Repositories, clock: Clock) -> None:
    pipeline = repositories.pipeline(UNSURE)
    image = pipeline.upload()
    pipeline.waiting(image)
    decision = pipeline.decide(image, Verdict.OK, "ann")
    pipeline.deliver(image)
    pipeline.finish(image)

    override(pipeline, image)
    row = run(pipeline, image)

    assert row.verdict is Verdict.DEFECT
    (previous,) = row.previous_revisions
    assert previous.decision is not None
    assert previous.decision.id == decision.id
    assert pipeline.decide(image, Verdict.OK, "ann", decision_id=decision.id) == previous.decision


def test_the_same_override_twice_counts_once(pipeline: Pipeline) -> None:
    image, click = inspected(pipeline), str(uuid.uuid4())

    override(pipeline, image, decision_id=click)
    override(pipeline, image, decision_id=click)
    run(pipeline, image)
    row = override(pipeline, image, decision_id=click)

    assert (row.revision, row.state) == (2, InspectionState.CLOSED)
    assert len(pipeline.inspections.get_audit_trail(row.id)) == 1


def test_of_two_overrides_at_once_one_is_refused(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    image = inspected(pipeline)
    record_revision = pipeline.inspections.record_revision

    def overtaken(*arguments: Any) -> None:
        monkeypatch.setattr(pipeline.inspections, "record_revision", record_revision)
        override(pipeline, image)
        record_revision(*arguments)

    monkeypatch.setattr(pipeline.inspections, "record_revision", overtaken)

    with pytest.raises(Conflict, match="its verdict was revised at the same time"):
        override(pipeline, image)
    assert pipeline.row(image).revision == 2
    assert len(pipeline.inspections.get_audit_trail(inspection_id(image))) == 1


def test_an_override_needs_another_verdict_and_a_reason(pipeline: Pipeline) -> None:
    image = inspected(pipeline)

    with pytest.raises(Conflict, match="its verdict is ok already"):
        override(pipeline, image, Verdict.OK)
    with pytest.raises(ValueError, match="ok or defect"):
        override(pipeline, image, Verdict.UNCLEAR)
    with pytest.raises(ValueError, match="requires a reason"):
        override(pipeline, image, reason=" ")
    with pytest.raises(NotFound):
        override(pipeline, Image("b", "k", "v"))
    assert pipeline.row(image).revision == 1


def test_a_verdict_that_is_not_announced_cannot_be_revised(pipeline: Pipeline) -> None:
    image = pipeline.upload()
    owner = pipeline.begin(image)
    pipeline.detect(image, owner)
    pipeline.move(image, owner, "ok")

    for revise in (override, reinspect):
        with pytest.raises(Conflict, match="not announced yet"):
            revise(pipeline, image)


def test_a_rejected_file_can_only_be_reinspected(pipeline: Pipeline) -> None:
    image = inspected(pipeline, b"no photo")

    with pytest.raises(Conflict, match="can only be reinspected"):
        override(pipeline, image)
    reinspect(pipeline, image)
    row = run(pipeline, image)

    assert (row.verdict, row.revision) == (Verdict.REJECTED, 2)
    assert (len(pipeline.verdicts.sent), list(pipeline.objects.contents)) == (2, [row.location])


def test_a_photo_that_the_model_refused_is_judged_again(repositories: Repositories, clock: Clock) -> None:
    refused = ImageRefused("model_invalid_format", "The model refused the photo.")
    pipeline = repositories.pipeline(refused, CLEARLY_DEFECT)
    image = pipeline.upload()
    owner = pipeline.begin(image)
    pipeline.detect(image, owner)
    pipeline.move(image, owner, "rejected")
    pipeline.close(image, owner)

    reinspect(pipeline, image)
    row = run(pipeline, image)

    assert (row.verdict, row.rejection) == (Verdict.DEFECT, {})
    assert row.previous_revisions[0].rejection["code"] == "model_invalid_format"


def test_a_reinspection_sends_the_filed_photo_to_the_model_again(
    repositories: Repositories, clock: Clock
) -> None:
    pipeline = repositories.pipeline(CLEARLY_OK, CLEARLY_DEFECT)
    image = inspected(pipeline)
    location = pipeline.row(image).location

    reinspect(pipeline, image)
    row = run(pipeline, image)

    assert pipeline.detector.seen == [image, location]
    assert (row.verdict, row.decision) == (Verdict.DEFECT, None)
    assert json.loads(row.announcement)["decided_by"] == "model"
    assert list(pipeline.objects.contents) == [row.location]


def test_a_reinspection_with_the_same_verdict_leaves_the_photo_and_announces_it_again(
    pipeline: Pipeline,
) -> None:
    image = inspected(pipeline)
    before = pipeline.row(image)

    reinspect(pipeline, image)
    row = run(pipeline, image)

    assert (row.location, row.verdict) == (before.location, Verdict.OK)
    assert list(pipeline.objects.contents) == [row.location]
    assert revisions(pipeline, "revision") == [1, 2]


def test_an_unsure_reinspection_opens_a_review(repositories: Repositories, clock: Clock) -> None:
    pipeline = repositories.pipeline(CLEARLY_OK, UNSURE)
    image = inspected(pipeline)
    reinspect(pipeline, image)
    pipeline.ask(image, run(pipeline, image).owner, "token")
    pipeline.executions.live_tokens.add("token")

    pipeline.decide(image, Verdict.DEFECT, "ann")
    pipeline.deliver(image)
    row = pipeline.finish(image)

    assert (row.verdict, row.revision) == (Verdict.DEFECT, 2)
    assert list(pipeline.objects.contents) == [row.location]


def test_the_same_reinspect_command_twice_is_one_revision(pipeline: Pipeline) -> None:
    image = inspected(pipeline)

    reinspect(pipeline, image, command_id="c1")
    reinspect(pipeline, image, command_id="c1")
    run(pipeline, image)

    assert reinspect(pipeline, image, command_id="c1").revision == 2


def test_each_revision_has_its_own_attempts(pipeline: Pipeline) -> None:
    image = inspected(pipeline)
    for verdict in (Verdict.DEFECT, Verdict.OK, Verdict.DEFECT):
        override(pipeline, image, verdict)
        run(pipeline, image)

    row = override(pipeline, image, Verdict.OK)

    assert (row.attempt, row.revision_attempts) == (5, 1)


def test_the_number_of_revisions_is_limited(pipeline: Pipeline) -> None:
    image = inspected(pipeline)
    verdicts = [Verdict.DEFECT, Verdict.OK] * MAX_REVISIONS
    for verdict in verdicts[: MAX_REVISIONS - 1]:
        override(pipeline, image, verdict)
        run(pipeline, image)

    with pytest.raises(Conflict, match="was revised 9 times"):
        reinspect(pipeline, image)


def test_a_revision_whose_message_was_lost_is_started_by_reconciliation(pipeline: Pipeline) -> None:
    image = inspected(pipeline)
    override(pipeline, image)
    pipeline.decisions.sent.clear()

    assert pipeline.reconcile() == {"orphaned inspection": 1}
    assert pipeline.row(image).owner in pipeline.executions.list_running()


def test_the_balance_holds_during_and_after_a_revision(pipeline: Pipeline) -> None:
    image = inspected(pipeline)
    override(pipeline, image)
    pipeline.deliver(image)
    during = pipeline.check()
    row = pipeline.row(image)
    pipeline.claim(image, row.owner, row.attempt)
    pipeline.finish(image)

    assert (during.is_clean, during.balance.in_flight) == (True, 1)
    assert pipeline.check().is_clean
    assert pipeline.check().balance.defect == 1


def test_an_abandoned_copy_of_a_later_revision_is_an_issue(pipeline: Pipeline) -> None:
    image = inspected(pipeline)
    override(pipeline, image)
    row = run(pipeline, image)
    copy = pipeline.objects.upload(FILED, f"unclear/{row.id[:16]}-2/{image.name}", b"copy")

    issues = pipeline.check().issues

    assert [issue.image for issue in issues] == [copy]


def test_a_missing_rejected_file_is_a_loss_and_not_withdrawn(pipeline: Pipeline) -> None:
    image = inspected(pipeline, b"no photo")
    row = reinspect(pipeline, image)
    pipeline.objects.delete(row.location)

    with pytest.raises(NotFound, match="no object at"):
        pipeline.claim(image, row.owner, row.attempt)
    assert pipeline.row(image).state is InspectionState.INSPECTING


def test_a_withdrawn_upload_cannot_be_revised() -> None:
    pipeline = Pipeline(detector=FakeDetector(CLEARLY_OK))
    image = pipeline.upload()
    pipeline.objects.delete(image)
    pipeline.begin(image)

    with pytest.raises(Conflict, match="deleted before it was judged"):
        reinspect(pipeline, image)
