"""A verdict that was announced is revised in the open: moved, announced, and what was before is kept."""

import json
import uuid
from typing import Any

import pytest

from tests.fakes import FakeDetector
from tests.unit.line import CLEARLY_DEFECT, CLEARLY_OK, FILED, INBOUND, UNSURE, Line
from tests.unit.workflow.conftest import Books, Clock
from workflow.errors import Conflict, NotFound
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline import filing
from workflow.pipeline.detection import Refused
from workflow.pipeline.intake import execution_name
from workflow.recovery.consistency import audit
from workflow.recovery.delivery import Arrival
from workflow.recovery.reconcile import Mender, findings, reconcile
from workflow.review import revision
from workflow.review.revision import MAX_REVISIONS


@pytest.fixture
def line(books: Books, clock: Clock) -> Line:
    return books.line(CLEARLY_OK)


def inspected(line: Line, content: bytes | None = None) -> Image:
    image = line.upload() if content is None else line.upload(content)
    line.inspected(image)
    return image


def correct(line: Line, image: Image, verdict: Verdict = Verdict.DEFECT, **how: Any) -> Inspection:
    return revision.correct(
        line.ledger, line.decisions, inspection_id(image), verdict, "eve", "a crack", **how
    )


def inspect_again(line: Line, image: Image, **how: Any) -> Inspection:
    return revision.inspect_again(
        line.ledger, line.decisions, inspection_id(image), "eve", "new model", **how
    )


def run(line: Line, image: Image) -> Inspection:
    """Let the queue start the revision's execution, and run that to its end."""
    arrival = line.deliver(image)
    row = line.row(image)
    assert arrival == Arrival.RESTARTED
    assert row.owner in line.executions.running()
    outcome = line.claim(image, row.owner, row.attempt)
    wanted = {"decided": filing.REVIEWED, "unreadable": "rejected"}.get(outcome, "")
    if not wanted:
        answer = line.detect(image, row.owner)
        clear = answer["outcome"] == "answered" and answer["confidence"] >= answer["threshold"]
        wanted = answer["verdict"] if clear else "rejected" if answer["outcome"] == "refused" else "unclear"
    filed = line.move(image, row.owner, wanted)
    if wanted != "unclear":
        line.verdicts.send(filed["announcement"])
        line.close(image, row.owner)
        line.executions.statuses[row.owner] = "SUCCEEDED"
    return line.row(image)


def test_a_correction_moves_the_photo_and_announces_what_it_corrects(line: Line) -> None:
    image = inspected(line)
    content = line.shelf.objects[line.row(image).location]

    correct(line, image, defect_class="crack")
    row = run(line, image)

    assert (row.verdict, row.state, row.revision) == (Verdict.DEFECT, State.CLOSED, 2)
    assert line.shelf.objects == {row.location: content}
    first, second = (json.loads(body) for body in line.verdicts.sent)
    assert (first["announcement_id"], first["revision"], first["corrects"]) == (f"{row.id}-1", 1, None)
    assert (second["announcement_id"], second["revision"]) == (f"{row.id}-2", 2)
    assert (second["corrects"], second["verdict"]) == (f"{row.id}-1", "defect")
    assert (second["decided_by"], second["review"]["defect_class"]) == ("reviewer", "crack")
    assert len(line.detector.seen) == 1


def test_the_outcome_before_the_correction_stays_on_record(line: Line) -> None:
    image = inspected(line)
    before = line.row(image)

    row = correct(line, image)

    (outcome,) = row.earlier
    assert (outcome.revision, outcome.verdict, outcome.settled_at) == (1, Verdict.OK, before.settled_at)
    assert (outcome.execution, outcome.prediction) == (before.owner, before.prediction)
    (entry,) = line.ledger.audit_trail(row.id)
    assert (entry.action, entry.who, entry.before, entry.after, entry.reason) == (
        *("correct", "eve", "ok", "defect"),
        "a crack",
    )


def test_a_correction_is_an_execution_of_its_own(line: Line) -> None:
    image = inspected(line)

    row = correct(line, image)

    assert row.owner == execution_name(row.id, 2)
    assert (row.state, row.settled, row.tries) == (State.INSPECTING, False, 1)
    assert line.claim(image, execution_name(row.id, 1)) == "refused"


def test_a_correction_can_be_corrected(line: Line) -> None:
    image = inspected(line)
    correct(line, image)
    run(line, image)

    correct(line, image, Verdict.OK)
    row = run(line, image)

    assert (row.verdict, row.revision) == (Verdict.OK, 3)
    assert [outcome.verdict for outcome in row.earlier] == [Verdict.OK, Verdict.DEFECT]
    assert list(line.shelf.objects) == [row.location]
    assert [json.loads(body)["corrects"] for body in line.verdicts.sent] == [
        None,
        f"{row.id}-1",
        f"{row.id}-2",
    ]


def test_a_persons_decision_is_corrected_like_the_models(books: Books, clock: Clock) -> None:
    line = books.line(UNSURE)
    image = line.upload()
    owner = line.waiting(image)
    made = line.decide(image, Verdict.OK, "ann")
    line.deliver(image)
    line.verdicts.send(line.move(image, owner, filing.REVIEWED)["announcement"])
    line.close(image, owner)

    correct(line, image)
    row = run(line, image)

    assert row.verdict is Verdict.DEFECT
    (outcome,) = row.earlier
    assert outcome.decision is not None
    assert outcome.decision.id == made.id
    assert line.decide(image, Verdict.OK, "ann", decision_id=made.id) == outcome.decision


def test_the_same_correction_twice_is_one(line: Line) -> None:
    image, click = inspected(line), str(uuid.uuid4())

    correct(line, image, decision_id=click)
    correct(line, image, decision_id=click)
    run(line, image)
    row = correct(line, image, decision_id=click)

    assert (row.revision, row.state) == (2, State.CLOSED)
    assert len(line.ledger.audit_trail(row.id)) == 1


def test_of_two_corrections_at_once_one_is_refused(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    image = inspected(line)
    honest = line.ledger.revise

    def overtaken(*arguments: Any) -> None:
        monkeypatch.setattr(line.ledger, "revise", honest)
        correct(line, image)
        honest(*arguments)

    monkeypatch.setattr(line.ledger, "revise", overtaken)

    with pytest.raises(Conflict, match="somebody revised its verdict"):
        correct(line, image)
    assert line.row(image).revision == 2
    assert len(line.ledger.audit_trail(inspection_id(image))) == 1


def test_only_another_verdict_for_a_reason_is_a_correction(line: Line) -> None:
    image = inspected(line)

    with pytest.raises(Conflict, match="its verdict is ok already"):
        correct(line, image, Verdict.OK)
    with pytest.raises(ValueError, match="ok or defect"):
        correct(line, image, Verdict.UNCLEAR)
    with pytest.raises(ValueError, match="for a reason"):
        revision.correct(line.ledger, line.decisions, inspection_id(image), Verdict.DEFECT, "eve", " ")
    with pytest.raises(NotFound):
        correct(line, Image("b", "k", "v"))
    assert line.row(image).revision == 1


def test_what_is_not_announced_yet_cannot_be_revised(line: Line) -> None:
    image = line.upload()
    owner = line.start(image)
    line.claim(image, owner)
    line.detect(image, owner)
    line.move(image, owner, "ok")

    for revise in (correct, inspect_again):
        with pytest.raises(Conflict, match="not announced yet"):
            revise(line, image)


def test_a_rejected_file_can_only_be_inspected_again(line: Line) -> None:
    image = inspected(line, b"no photo")

    with pytest.raises(Conflict, match="can only be inspected again"):
        correct(line, image)
    inspect_again(line, image)
    row = run(line, image)

    assert (row.verdict, row.revision) == (Verdict.REJECTED, 2)
    assert (len(line.verdicts.sent), list(line.shelf.objects)) == (2, [row.location])


def test_what_the_model_refused_is_shown_to_it_again(books: Books, clock: Clock) -> None:
    refused = Refused("model_invalid_format", "The model refused the photo.")
    line = books.line(refused, CLEARLY_DEFECT)
    image = line.upload()
    owner = line.start(image)
    line.claim(image, owner)
    line.detect(image, owner)
    line.move(image, owner, "rejected")
    line.close(image, owner)

    inspect_again(line, image)
    row = run(line, image)

    assert (row.verdict, row.rejection) == (Verdict.DEFECT, {})
    assert row.earlier[0].rejection["code"] == "model_invalid_format"


def test_another_inspection_asks_the_model_anew_where_the_photo_lies(books: Books, clock: Clock) -> None:
    line = books.line(CLEARLY_OK, CLEARLY_DEFECT)
    image = inspected(line)
    lies_at = line.row(image).location

    inspect_again(line, image)
    row = run(line, image)

    assert line.detector.seen == [image, lies_at]
    assert (row.verdict, row.decision) == (Verdict.DEFECT, None)
    assert json.loads(row.announcement)["decided_by"] == "model"
    assert list(line.shelf.objects) == [row.location]


def test_another_inspection_with_the_same_verdict_leaves_the_photo_and_says_so_again(line: Line) -> None:
    image = inspected(line)
    before = line.row(image)

    inspect_again(line, image)
    row = run(line, image)

    assert (row.location, row.verdict) == (before.location, Verdict.OK)
    assert list(line.shelf.objects) == [row.location]
    assert [json.loads(body)["revision"] for body in line.verdicts.sent] == [1, 2]


def test_another_inspection_that_is_unsure_asks_a_person(books: Books, clock: Clock) -> None:
    line = books.line(CLEARLY_OK, UNSURE)
    image = inspected(line)
    inspect_again(line, image)
    row = run(line, image)
    line.executions.live_tokens.add("token")
    line.ask(image, row.owner, "token")

    line.decide(image, Verdict.DEFECT, "ann")
    line.deliver(image)
    line.verdicts.send(line.move(image, row.owner, filing.REVIEWED)["announcement"])
    line.close(image, row.owner)

    row = line.row(image)
    assert (row.verdict, row.revision) == (Verdict.DEFECT, 2)
    assert list(line.shelf.objects) == [row.location]


def test_the_same_command_to_inspect_again_is_one_revision(line: Line) -> None:
    image = inspected(line)

    inspect_again(line, image, command_id="c1")
    inspect_again(line, image, command_id="c1")
    run(line, image)

    assert inspect_again(line, image, command_id="c1").revision == 2


def test_a_revision_has_all_its_attempts_and_rests_anew(line: Line) -> None:
    image = inspected(line)
    for verdict in (Verdict.DEFECT, Verdict.OK, Verdict.DEFECT):
        correct(line, image, verdict)
        run(line, image)

    row = correct(line, image, Verdict.OK)

    assert (row.attempt, row.tries) == (5, 1)


def test_there_is_an_end_to_revisions(line: Line) -> None:
    image = inspected(line)
    verdicts = [Verdict.DEFECT, Verdict.OK] * MAX_REVISIONS
    for verdict in verdicts[: MAX_REVISIONS - 1]:
        correct(line, image, verdict)
        run(line, image)

    with pytest.raises(Conflict, match="was revised 9 times"):
        inspect_again(line, image)


def test_a_revision_whose_message_was_lost_is_started_by_the_clock(books: Books, clock: Clock) -> None:
    line = books.line(CLEARLY_OK)
    image = inspected(line)
    correct(line, image)
    line.decisions.sent.clear()
    mender = Mender(line.ledger, line.shelf, line.executions, line.decisions)

    counts = reconcile(mender, findings(mender, INBOUND))

    assert counts == {"stranded inspection": 1}
    assert line.row(image).owner in line.executions.running()


def test_the_books_balance_before_during_and_after_a_revision(line: Line) -> None:
    image = inspected(line)

    def books_() -> Any:
        return audit(line.ledger, line.shelf, line.executions, INBOUND, FILED)

    correct(line, image)
    line.deliver(image)
    during = books_()
    row = line.row(image)
    line.claim(image, row.owner, row.attempt)
    line.move(image, row.owner, filing.REVIEWED)
    line.close(image, row.owner)
    line.executions.statuses[row.owner] = "SUCCEEDED"

    assert (during.clean, during.balance.in_flight) == (True, 1)
    assert books_().clean
    assert books_().balance.defect == 1


def test_an_abandoned_copy_of_a_later_revision_is_found_and_deleted(line: Line) -> None:
    image = inspected(line)
    correct(line, image)
    row = run(line, image)
    orphan = line.shelf.upload(FILED, f"unclear/{row.id[:16]}-2/{image.name}", b"copy")

    found = audit(line.ledger, line.shelf, line.executions, INBOUND, FILED).findings

    assert [finding.image for finding in found] == [orphan]


def test_a_rejected_file_that_is_gone_is_a_loss_and_not_withdrawn(line: Line) -> None:
    image = inspected(line, b"no photo")
    row = inspect_again(line, image)
    line.shelf.delete(row.location)

    with pytest.raises(NotFound, match="nothing lies at"):
        line.claim(image, row.owner, row.attempt)
    assert line.row(image).state is State.INSPECTING


def test_a_withdrawn_upload_cannot_be_revised() -> None:
    line = Line(detector=FakeDetector(CLEARLY_OK))
    image = line.upload()
    line.shelf.delete(image)
    owner = line.start(image)
    line.claim(image, owner)

    with pytest.raises(Conflict, match="deleted before anybody judged it"):
        inspect_again(line, image)
