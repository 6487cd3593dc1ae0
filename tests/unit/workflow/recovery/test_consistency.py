"""Everything is accounted for, or it is named together with what mends it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.crafted import png
from tests.fakes import FakeDetector, MemoryExecutions, MemoryLedger
from tests.unit.line import CLEARLY_OK, FILED, INBOUND, NOW, PHOTO, UNSURE, UPLOADED_AT, Line
from workflow import timestamps
from workflow.inspections.inspection import Decision, State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Verdict
from workflow.pipeline.intake import execution_name
from workflow.recovery.consistency import REMEDY, Kind, Report, audit
from workflow.recovery.reconcile import Mender


@pytest.fixture
def line() -> Line:
    return Line(detector=FakeDetector(CLEARLY_OK, UNSURE))


def audited(line: Line) -> Report:
    return audit(line.ledger, line.shelf, line.executions, INBOUND, FILED)


def kinds(line: Line) -> list[Kind]:
    return [finding.kind for finding in audited(line).findings]


def mend(line: Line) -> list[bool]:
    mender = Mender(line.ledger, line.shelf, line.executions, line.decisions)
    return [mender.mend(finding) for finding in audited(line).findings]


def change(line: Line, image: Image, **changes: object) -> None:
    line.ledger.rows[inspection_id(image)] = replace(line.row(image), **changes)  # type: ignore[arg-type]


def test_empty_books_are_clean(line: Line) -> None:
    report = audited(line)

    assert report.clean
    assert report.balance.uploads == 0


def test_every_upload_is_counted_in_exactly_one_place(line: Line) -> None:
    line.inspected(line.upload(key="ok.png"))
    line.inspected(line.upload(b"no photo", key="rejected.png"))
    line.waiting(line.upload(key="waiting.png"))
    decided = line.upload(png(65), key="defect.png")
    owner = line.waiting(decided, "token-2")
    line.decide(decided, Verdict.DEFECT)
    line.move(decided, owner, "reviewed")
    under_way = line.upload(key="under way.png")
    line.claim(under_way, line.start(under_way))

    balance = audited(line).balance

    assert (balance.uploads, balance.ok, balance.defect) == (5, 1, 1)
    assert (balance.waiting, balance.rejected, balance.in_flight) == (1, 1, 1)
    assert audited(line).clean


def test_a_folder_marker_is_no_upload(line: Line) -> None:
    line.upload(b"", key="line 1/")

    assert audited(line).clean


def test_an_upload_that_was_deleted_before_anybody_examined_it_is_off_the_books(line: Line) -> None:
    image = line.upload()
    line.shelf.delete(image)

    assert line.claim(image, execution_name(inspection_id(image), 1)) == "vanished"
    assert line.row(image).withdrawn
    report = audited(line)
    assert report.clean
    assert report.balance.uploads == 0


def test_an_upload_that_nobody_inspects_is_missed(line: Line) -> None:
    image = line.upload()

    (finding,) = audited(line).findings
    assert (finding.kind, finding.image) == (Kind.MISSED_UPLOAD, image)
    assert (finding.inspection_id, finding.uploaded_at) == (inspection_id(image), UPLOADED_AT)
    assert not audited(line).balance.balanced
    assert mend(line) == [True]
    assert list(line.executions.started) == [f"{inspection_id(image)}-1"]
    assert audited(line).clean


def test_a_fresh_upload_has_a_minute(line: Line) -> None:
    line.upload(at=timestamps.now())

    assert kinds(line) == []


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_an_inspection_whose_execution_ended_is_stranded(line: Line, status: str) -> None:
    image = line.upload()
    owner = line.start(image)
    line.claim(image, owner)
    line.executions.statuses[owner] = status

    (finding,) = audited(line).findings
    assert (finding.kind, finding.image) == (Kind.STRANDED, image)
    assert finding.why == f"execution {owner} is {status.lower()}"
    assert mend(line) == [True]
    assert audited(line).clean


def test_an_inspection_whose_execution_nobody_remembers_is_stranded(line: Line) -> None:
    image = line.upload()
    line.waiting(image)
    line.executions.statuses.clear()

    (finding,) = audited(line).findings
    assert (finding.kind, finding.why.split()[-1]) == (Kind.STRANDED, "forgotten")


def test_a_closed_inspection_needs_no_execution(line: Line) -> None:
    image = line.upload()
    line.inspected(image)
    line.executions.statuses.clear()

    assert audited(line).clean


class StaleList(MemoryExecutions):
    """The list of running executions lags behind."""

    def running(self) -> set[str]:
        return set()


def test_an_execution_that_the_list_does_not_show_yet_is_not_stranded() -> None:
    line = Line(executions=StaleList())
    image = line.upload()
    line.claim(image, line.start(image))

    assert kinds(line) == []


@pytest.mark.parametrize("happened", ["closed", "handed over"])
def test_an_inspection_that_moved_on_since_the_list_was_read_is_not_stranded(happened: str) -> None:
    class LaggingLedger(MemoryLedger):
        """The index still shows what the row no longer says."""

        def in_state(self, state: State):  # type: ignore[no-untyped-def]
            changes = {"state": State.INSPECTING, "owner": owner}
            yield from (replace(row, **changes) for row in self.rows.values() if state is State.INSPECTING)

    line = Line(ledger=LaggingLedger())
    image = line.upload()
    owner = line.start(image)
    line.claim(image, owner)
    line.executions.statuses[owner] = "SUCCEEDED"
    if happened == "closed":
        line.close(image, owner)
    else:
        line.ledger.hand_over(line.row(image), "next", 2, NOW)

    assert kinds(line) == []


def test_a_decision_that_does_not_arrive_is_undelivered(line: Line) -> None:
    line = Line(detector=FakeDetector(UNSURE))
    image = line.upload()
    line.waiting(image)
    line.decisions.sent.clear()
    change(line, image, decision=Decision("d1", Verdict.OK, "ann", "2026-01-01T00:00:00.000Z"))

    (finding,) = audited(line).findings
    assert (finding.kind, finding.image) == (Kind.UNDELIVERED, image)
    assert finding.why == "ann decided ok at 2026-01-01T00:00:00.000Z"
    assert mend(line) == [True]
    assert len(line.decisions.sent) == 1


def test_a_fresh_decision_has_a_minute(line: Line) -> None:
    line = Line(detector=FakeDetector(UNSURE))
    image = line.upload()
    line.waiting(image)
    line.decide(image, Verdict.OK)

    assert kinds(line) == []


def test_a_decision_that_moved_its_photo_arrived(line: Line) -> None:
    line = Line(detector=FakeDetector(UNSURE))
    image = line.upload()
    owner = line.waiting(image)
    line.decide(image, Verdict.OK)
    line.move(image, owner, "reviewed")
    old = Decision("d1", Verdict.OK, "ann", "2026-01-01T00:00:00.000Z")
    change(line, image, decision=old)

    assert kinds(line) == []


def test_a_photo_that_is_not_where_the_ledger_says_is_misplaced_and_left_to_a_person(line: Line) -> None:
    image = line.upload()
    line.inspected(image)
    place = line.row(image).location
    line.shelf.delete(place)

    (finding,) = audited(line).findings
    assert (finding.kind, finding.image) == (Kind.MISPLACED, place)
    assert finding.why == f"nothing lies at s3://{FILED}/{place.key}"
    assert not audited(line).balance.balanced
    assert mend(line) == [False]


def test_a_photo_that_is_just_being_moved_is_not_misplaced(line: Line) -> None:
    image = line.upload()
    owner = line.start(image)
    line.claim(image, owner)
    line.detect(image, owner)
    before = line.row(image)

    class Lagging(MemoryLedger):
        def in_state(self, state: State):  # type: ignore[no-untyped-def]
            yield from [before] if state is State.INSPECTING else []

    line.move(image, owner, "ok")
    lagging = Lagging()
    lagging.rows = line.ledger.rows

    assert audit(lagging, line.shelf, line.executions, INBOUND, FILED).findings == ()


def leave_original(line: Line, image: Image) -> Image:
    line.shelf.objects[image] = PHOTO
    line.shelf.uploaded_at[image] = UPLOADED_AT
    return image


def leave_copy(line: Line, image: Image) -> Image:
    return line.shelf.upload(FILED, f"defect/{inspection_id(image)[:16]}/{image.name}", PHOTO)


LEFT = [(leave_original, Kind.LEFTOVER), (leave_copy, Kind.ORPHAN)]


@pytest.mark.parametrize(("leave", "kind"), LEFT)
def test_what_is_left_behind_is_deleted_once_the_inspection_is_closed(
    line: Line, leave: Callable[[Line, Image], Image], kind: Kind
) -> None:
    image = line.upload()
    line.inspected(image)
    left = leave(line, image)

    (finding,) = audited(line).findings
    assert (finding.kind, finding.image) == (kind, left)
    assert audited(line).balance.balanced
    assert mend(line) == [True]
    assert line.shelf.objects == {line.row(image).location: PHOTO}
    assert audited(line).clean


@pytest.mark.parametrize(("leave", "kind"), LEFT)
def test_what_is_left_behind_is_not_touched_while_the_inspection_is_open(
    line: Line, leave: Callable[[Line, Image], Image], kind: Kind
) -> None:
    image = line.upload()
    line.inspected(image)
    leave(line, image)
    change(line, image, state=State.INSPECTING)
    line.executions.statuses[line.row(image).owner] = "RUNNING"

    assert kinds(line) == []


@pytest.mark.parametrize(("leave", "kind"), LEFT)
def test_the_last_copy_is_never_deleted(
    line: Line, leave: Callable[[Line, Image], Image], kind: Kind
) -> None:
    """Somebody deleted the filed photo; what is left behind may be all that remains of it."""
    image = line.upload()
    line.inspected(image)
    left = leave(line, image)
    line.shelf.delete(line.row(image).location)

    assert kinds(line) == [Kind.MISPLACED]
    assert mend(line) == [False]
    assert line.shelf.objects == {left: PHOTO}


@pytest.mark.parametrize(
    "key", ["readme.txt", "ok/0123456789abcdef/x.png", "else/{id}/a.png", "ok/{id}/a/b.png"]
)
def test_what_no_inspection_made_is_left_alone(line: Line, key: str) -> None:
    image = line.upload()
    line.inspected(image)
    line.shelf.upload(FILED, key.format(id=inspection_id(image)[:16]), b"not ours")

    assert kinds(line) == []


def test_a_second_upload_of_the_same_name_is_no_orphan(line: Line) -> None:
    line.inspected(line.upload())
    line.upload(at=timestamps.now())

    assert kinds(line) == []


def test_every_kind_of_finding_has_a_remedy(line: Line) -> None:
    line.upload()

    assert REMEDY.keys() == set(Kind)
    assert audited(line).findings[0].remedy == "reconcile starts its inspection"
