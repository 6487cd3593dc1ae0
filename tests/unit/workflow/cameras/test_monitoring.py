"""The monitoring: photos go through the pipeline, and alarms, reopened photos and baselines follow."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.crafted import png
from tests.fakes import FakeDetector
from tests.references import small_reference, usual_measures
from tests.unit.pipeline import CLEARLY_DEFECT, CLEARLY_OK, MODEL, UNSURE, Pipeline
from tests.unit.workflow.conftest import Clock
from workflow.aws.camera_statuses import DynamoCameraStatusRepository
from workflow.cameras import masters, monitoring
from workflow.cameras.camera import MasterPart, Suspect
from workflow.cameras.camera_status import BASELINE_PHOTOS, CameraStatus
from workflow.cameras.monitoring import CameraMonitor, MonitoringProgress
from workflow.history.metrics import InspectionMetrics, measure_inspection
from workflow.inspections.inspection import Decision, Inspection, InspectionState
from workflow.inspections.objects import Image
from workflow.inspections.verdict import Verdict
from workflow.photos.measures import PhotoMeter, UnmeasurablePhoto
from workflow.review import revision

DECISION = Decision(id="d", verdict=Verdict.OK, reviewer="ann", decided_at="2026-03-02T09:00:00.000Z")


def by_content(content: bytes) -> Any:
    """Measure a photo: equal bytes show equal frames, and the text `dark` is a dark photo."""
    light = {"brightness": 3.0} if b"dark" in content else {}
    return usual_measures(frame_hash=hashlib.sha256(content).hexdigest(), **light)


@dataclass
class Line:
    """A pipeline with cameras, and the monitoring over them."""

    clock: Clock
    pipeline: Pipeline = field(
        default_factory=lambda: Pipeline(detector=FakeDetector(CLEARLY_OK), meter=PhotoMeter(1, by_content))
    )
    sent: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pipeline.references.put(small_reference(model=MODEL))
        self.statuses = DynamoCameraStatusRepository("cameras", self.pipeline.cameras._dynamodb)
        self.monitor = CameraMonitor(
            cameras=self.pipeline.cameras,
            statuses=self.statuses,
            inspections=self.pipeline.inspections,
            audit_log=self.pipeline.inspections,
            send=lambda body: self.sent.append(json.loads(body)),
            reopen=self.reopen,
            get_reference=self.pipeline.references.get,
        )

    def reopen(self, suspect: Suspect) -> None:
        revision.reinspect(
            self.pipeline.inspections,
            self.pipeline.decisions,
            suspect.inspection_id,
            suspect.actor,
            suspect.reason,
        )

    def inspect(self, key: str, content: str = "", answer: Any = CLEARLY_OK) -> Image:
        """Inspect a photo until it is closed or waits for a person."""
        self.clock.turn(1)
        image = self.pipeline.upload((content or key).encode().join((png(), b"")), key)
        self.pipeline.detector.answers[:] = [answer]
        self.run(image, self.pipeline.start(image))
        return image

    def run(self, image: Image, owner: str, attempt: int = 1) -> None:
        self.pipeline.claim(image, owner, attempt)
        answer = self.pipeline.detect(image, owner)
        if answer["outcome"] == "refused":
            self.pipeline.move(image, owner, "rejected")
            self.pipeline.close(image, owner)
        elif answer["verdict"] == "unclear" or answer["confidence"] < answer["threshold"]:
            self.pipeline.move(image, owner, "unclear")
            self.pipeline.ask(image, owner, f"token of {owner}")
        else:
            self.pipeline.move(image, owner, answer["verdict"])
            self.pipeline.close(image, owner)

    def look(self) -> dict[str, int]:
        self.clock.turn(60)
        return monitoring.run_once(self.monitor, self.clock.now, lambda: True)

    def rerun(self, image: Image) -> None:
        """Run the execution of the photo's newest revision."""
        row = self.pipeline.row(image)
        self.pipeline.detector.answers[:] = [CLEARLY_OK]
        self.run(image, row.owner, row.attempt)

    def rows(self, images: Iterable[Image]) -> list[Inspection]:
        return [self.pipeline.row(image) for image in images]


@pytest.fixture
def line(clock: Clock) -> Line:
    line = Line(clock)
    line.look()
    return line


def states(rows: Iterable[Inspection]) -> list[tuple[str, str | None]]:
    return [(row.state.value, row.verdict.value if row.verdict else None) for row in rows]


def test_of_ten_equal_frames_the_first_is_reopened_nine_are_unclear_and_one_alarm_is_sent(line: Line) -> None:
    images = [line.inspect(f"line 1/{number}.png", "frozen") for number in range(10)]
    first, *others = line.rows(images)
    assert (first.state, first.verdict) == (InspectionState.CLOSED, Verdict.OK)
    assert states(others) == [("waiting", "unclear")] * 9

    assert line.look()["reopened"] == 1
    line.rerun(images[0])
    assert line.look()["reopened"] == 0

    assert states(line.rows(images)) == [("waiting", "unclear")] * 10
    reopened = line.pipeline.row(images[0])
    assert reopened.revision == 2
    assert reopened.prediction
    assert "the same frame came again as line 1/1.png" in reopened.prediction.note
    (alarm,) = line.sent
    assert (alarm["alarm"], alarm["state"], alarm["camera"]) == ("frozen_camera", "raised", "line 1")
    assert alarm["first_repeated_photo"]["key"] == "line 1/1.png"


def test_a_photo_that_a_person_decided_is_not_reopened(line: Line) -> None:
    image = line.inspect("line 1/1.png", "frozen")
    row = line.pipeline.row(image)
    line.pipeline.inspections.rows[row.id] = replace(row, decision=DECISION)
    line.inspect("line 1/2.png", "frozen")

    assert line.look()["reopened"] == 0
    assert list(line.pipeline.cameras.list_suspects()) == []


def test_a_suspect_whose_verdict_is_not_announced_yet_is_reopened_later(line: Line) -> None:
    image = line.inspect("line 1/1.png", "frozen")
    closed = line.pipeline.row(image)
    line.pipeline.inspections.rows[closed.id] = replace(closed, state=InspectionState.INSPECTING)
    line.inspect("line 1/2.png", "frozen")
    assert line.look()["reopened"] == 0

    line.pipeline.inspections.rows[closed.id] = closed

    assert line.look()["reopened"] == 1


def test_five_dark_photos_of_one_camera_raise_one_alarm_with_the_good_photos_and_clear_it(line: Line) -> None:
    for number in range(30):
        line.inspect(f"line 1/{number}.png")
        line.inspect(f"line 2/{number}.png")
    for number in range(30, 60):
        line.inspect(f"line 1/{number}.png", f"dark {number}")
    assert line.look()["unusual"] == 1
    for number in range(60, 80):
        line.inspect(f"line 1/{number}.png")
    assert line.look()["unusual"] == 0

    raised, cleared = line.sent
    assert (raised["alarm"], raised["state"], raised["camera"]) == ("camera", "raised", "line 1")
    assert raised["last_good_photo"]["key"] == "line 1/29.png"
    assert raised["first_unusual_photo"]["key"] == "line 1/30.png"
    assert raised["measures"]["brightness"] == {"usual": 110.0, "unusual": 3.0}
    assert raised["reasons"][0] == "darker than every learned photo"
    assert (cleared["alarm"], cleared["state"]) == ("camera", "cleared")
    assert cleared["since"] == raised["since"]


def test_photos_of_master_parts_are_not_counted(line: Line) -> None:
    masters.add_master(line.pipeline.cameras, "line 1", part("good", line))
    for number in range(10):
        line.inspect(f"masters/good/{number}.png", f"dark {number}")

    line.look()

    assert [message["alarm"] for message in line.sent] == ["master"]


def part(name: str, line: Line) -> MasterPart:
    expected = Verdict.OK if name == "good" else Verdict.DEFECT
    return MasterPart(name=name, expected=expected, added_at=line.clock.now, added_by="eve")


def test_a_master_part_judged_wrongly_sends_the_next_good_part_of_its_camera_to_a_person(line: Line) -> None:
    masters.add_master(line.pipeline.cameras, "line 1", part("scratch", line))
    line.inspect("masters/scratch/1.png", answer=CLEARLY_DEFECT)
    before = line.inspect("line 1/1.png")
    failed = line.inspect("masters/scratch/2.png", answer=CLEARLY_OK)
    good = line.inspect("line 1/2.png")
    defect = line.inspect("line 1/3.png", answer=CLEARLY_DEFECT)
    other = line.inspect("line 2/1.png")
    line.look()
    line.inspect("masters/scratch/3.png", answer=CLEARLY_DEFECT)
    after = line.inspect("line 1/4.png")
    line.look()

    assert states(line.rows([before, good, defect, other, after])) == [
        ("closed", "ok"),
        ("waiting", "unclear"),
        ("closed", "defect"),
        ("closed", "ok"),
        ("closed", "ok"),
    ]
    row = line.pipeline.row(good)
    assert row.prediction
    assert row.prediction.unusual == (
        f"master part scratch was judged ok at {line.pipeline.row(failed).claimed_at}; expected defect",
    )
    assert [(message["alarm"], message["state"]) for message in line.sent] == [
        ("master", "raised"),
        ("master", "cleared"),
    ]


def test_a_master_parts_photo_is_rejected_with_its_judgement_and_no_prediction(line: Line) -> None:
    masters.add_master(line.pipeline.cameras, "line 1", part("good", line))
    row = line.pipeline.row(line.inspect("masters/good/1.png"))

    assert (row.state, row.verdict, row.prediction) == (InspectionState.CLOSED, Verdict.REJECTED, None)
    assert measure_inspection(row) == InspectionMetrics()
    assert row.rejection == {
        "code": "master_part",
        "detail": "Master part good of camera line 1 passed: expected ok, judged ok (0.97). "
        "It is no production part.",
    }


def test_the_photo_of_an_unknown_master_part_is_rejected_without_a_paid_call(line: Line) -> None:
    row = line.pipeline.row(line.inspect("masters/gold/1.png"))

    assert row.rejection["code"] == "unknown_master"
    assert "partcheck camera master add" in row.rejection["detail"]
    assert line.pipeline.detector.seen == []


def test_the_same_photo_of_a_master_part_does_not_pass_twice(line: Line) -> None:
    same_frame = "judged unclear (0.97); the same frame as masters/good/1.png"
    masters.add_master(line.pipeline.cameras, "line 1", part("good", line))
    line.inspect("masters/good/1.png", "file")
    for number in range(25):
        line.inspect(f"line 1/{number}.png")
    again = line.inspect("masters/good/2.png", "file")
    assert same_frame in line.pipeline.row(again).rejection["detail"]

    line.reopen(Suspect(inspection_id=line.pipeline.row(again).id, reason="once more", actor="eve"))
    line.rerun(again)

    assert same_frame in line.pipeline.row(again).rejection["detail"]


def test_the_alarm_about_overdue_master_parts_names_the_part(line: Line) -> None:
    masters.add_master(line.pipeline.cameras, "line 1", part("good", line))
    line.clock.turn(2 * 3600)
    line.look()
    line.look()

    (alarm,) = line.sent
    assert alarm["reasons"] == ["master part good is overdue: it was never judged"]


def confirm(line: Line, number: int, content: str = "") -> Image:
    image = line.inspect(f"line 1/c{number}.png", content, answer=UNSURE)
    line.pipeline.decide(image, Verdict.OK)
    return image


def baseline_of(line: Line) -> Any:
    return line.statuses.load_statuses()["line 1"].baseline


def test_the_baseline_is_made_of_usual_photos_that_people_confirmed(line: Line) -> None:
    line.inspect("line 1/0.png")
    confirm(line, 1)
    confirm(line, 2, "dark 2")
    undone = confirm(line, 3)
    decision = line.pipeline.row(undone).decision
    assert decision
    row = line.pipeline.row(undone)
    line.pipeline.inspections.rows[row.id] = replace(row, decision=None)
    line.look()
    line.look()
    line.look()

    assert baseline_of(line).photos == 1
    assert baseline_of(line).mean("brightness") == 110


def test_a_person_orders_a_new_baseline(line: Line) -> None:
    confirm(line, 1)
    line.look()
    line.look()
    assert baseline_of(line).photos == 1

    line.pipeline.cameras.change_camera(
        "line 1", lambda camera: replace(camera, baseline_from=line.clock.now)
    )
    line.look()

    assert baseline_of(line).photos == 0


def test_drifting_light_is_told_to_maintenance_and_changes_no_routing(line: Line) -> None:
    sums = {"brightness": 110.0, "contrast": 40.0, "sharpness": 3.5}
    status = CameraStatus(
        camera="line 1",
        baseline=replace(
            CameraStatus(camera="").baseline,
            photos=BASELINE_PHOTOS,
            sums={name: mean * BASELINE_PHOTOS for name, mean in sums.items()},
        ),
    )
    line.statuses.save_status(status)
    images = [line.inspect(f"line 1/{number}.png") for number in range(80)]
    line.look()

    (alarm,) = line.sent
    assert (alarm["alarm"], alarm["moved"]) == ("light_drift", ["sharpness"])
    assert alarm["measures"]["sharpness"]["confirmed"] == 3.5
    assert set(states(line.rows(images))) == {("closed", "ok")}


def test_a_message_that_was_sent_before_a_crash_is_sent_again_and_none_is_lost(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        line.inspect(f"line 1/{number}.png", f"dark {number}")

    def crash(_status: CameraStatus) -> None:
        raise RuntimeError("crash")

    with monkeypatch.context() as broken:
        broken.setattr(line.statuses, "save_status", crash)
        with pytest.raises(RuntimeError, match="crash"):
            line.look()
    line.look()
    line.look()

    assert [message["alarm"] for message in line.sent] == ["camera", "camera"]


def test_a_crash_between_status_and_progress_counts_no_photo_twice(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        line.inspect(f"line 1/{number}.png")

    def crash(_progress: MonitoringProgress) -> None:
        raise RuntimeError("crash")

    with monkeypatch.context() as broken:
        broken.setattr(line.statuses, "save_progress", crash)
        with pytest.raises(RuntimeError, match="crash"):
            line.look()
    line.look()

    (status,) = line.statuses.load_statuses().values()
    assert (status.usual, len(status.window)) == (5, 20)


def test_photos_are_counted_over_midnight(line: Line) -> None:
    line.clock.now = "2026-03-02T23:59:55.000Z"
    for number in range(10):
        line.inspect(f"line 1/{number}.png")
    line.look()

    (status,) = line.statuses.load_statuses().values()
    assert len(status.window) == 10


def test_a_photo_that_cannot_be_measured_has_no_history(line: Line) -> None:
    line.pipeline = replace(line.pipeline, meter=PhotoMeter(1, lambda _: UnmeasurablePhoto("broken")))
    line.inspect("line 1/1.png")
    line.look()

    assert line.statuses.load_statuses() == {}


@pytest.mark.parametrize(
    ("name", "variant"),
    [
        ("apply_threshold", lambda _prediction: Verdict.OK),  # Defects wait for people, too.
        ("camera_name", lambda _row: "line 1"),  # Every camera waits.
        ("explain_masters", lambda *_: ()),  # No camera waits.
    ],
)
def test_a_master_rule_that_is_too_wide_or_missing_is_detected(
    line: Line, monkeypatch: pytest.MonkeyPatch, name: str, variant: Any
) -> None:
    monkeypatch.setattr(f"workflow.cameras.doubts.{name}", variant)

    with pytest.raises(AssertionError):
        test_a_master_part_judged_wrongly_sends_the_next_good_part_of_its_camera_to_a_person(line)
