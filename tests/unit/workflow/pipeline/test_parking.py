"""Parked photos: no start of the model is missed, no wake-up is lost, and wrong variants are detected."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import STOPPED, FakeDetector, InMemoryInspectionRepository
from tests.proof.test_crashes import Fate, Mortal
from tests.unit.pipeline import CLEARLY_OK, NOW, POLICY, UNSURE, UPLOADED_AT, Pipeline
from workflow import timestamps
from workflow.errors import ConfigurationError
from workflow.inspections.inspection import ExecutionName, InspectionState, ModelWait
from workflow.inspections.objects import InspectionId
from workflow.inspections.verdict import Verdict
from workflow.models import parked_photos
from workflow.models.capacity_manager import UsageMeter
from workflow.models.model import ModelStatus
from workflow.models.parked_photos import Waker
from workflow.pipeline import parking
from workflow.pipeline.detection import ImageUnreadable, ModelNotReady
from workflow.pipeline.start import apply_backpressure, start_inspection
from workflow.recovery.issues import IssueKind
from workflow.recovery.reconcile import MAX_MISSED_WAKES, Reconciler, find_issues, reconcile

BROKEN = ModelNotReady("the model rejects the request: size", 60, broken=True)
WAITING: Any = {"outcome": "not_ready", "reason": STOPPED.reason, "wait_seconds": 30, "timeout_seconds": 900}
CORRECT = nullcontext()
WRONG = pytest.raises(AssertionError)
Park = Callable[..., bool]


def stopped_pipeline(**parts: Any) -> Pipeline:
    pipeline = Pipeline(**parts)
    pipeline.detector.stopped = True
    return pipeline


def looks_before_storing(inspections: Any, tokens: Any, executions: Any, look: Any, **how: Any) -> bool:
    """A wrong variant of `park`: a start between the look and the token is missed."""
    answer = look()
    return parking.park(inspections, tokens, executions, lambda: answer, **how)


def does_not_look(inspections: Any, tokens: Any, executions: Any, _look: Any, **how: Any) -> bool:
    """A wrong variant of `park`: a start before the token is missed."""
    return parking.park(inspections, tokens, executions, lambda: WAITING, **how)


@pytest.mark.parametrize(
    ("park", "verdict"),
    [(parking.park, CORRECT), (looks_before_storing, WRONG), (does_not_look, WRONG)],
    ids=["park", "looks before storing", "does not look"],
)
def test_a_start_at_any_moment_of_parking_wakes_the_photo(
    park: Park, verdict: AbstractContextManager[Any]
) -> None:
    """The model starts at one moment, and the capacity manager runs once, right then."""
    with verdict:
        for moment in range(_park_with_start(park, -1)):
            _park_with_start(park, moment)


def _park_with_start(park: Park, moment: int) -> int:
    pipeline, fate = stopped_pipeline(), Fate()
    image = pipeline.upload()

    def start() -> None:
        pipeline.detector.stopped = False
        pipeline.wake_parked()

    owner = pipeline.start(image)
    pipeline.claim(image, owner)
    answer = pipeline.detect(image, owner)
    pipeline.executions.live_tokens.add("wake-1")
    fate.intruder, fate.intrusion = start, moment
    pipeline.through(lambda _name, port: Mortal(port, fate)).park(image, owner, "wake-1", answer, park)
    if moment >= 0:
        assert [token for token, _ in pipeline.executions.answers] == ["wake-1"], "the start was missed"
    return fate.moments


def test_a_parked_photo_tells_since_when_until_when_and_why_it_waits() -> None:
    pipeline = stopped_pipeline()
    image = pipeline.upload()

    owner = pipeline.parked(image)

    row = pipeline.row(image)
    assert (row.state, row.model_wait and row.model_wait.reason) == (InspectionState.PARKED, STOPPED.reason)
    assert row.model_wait is not None
    waits = timestamps.seconds_between(row.model_wait.since, row.model_wait.until)
    assert waits == pytest.approx(POLICY.model_wait_seconds, abs=60)
    assert timestamps.seconds_between(row.claimed_at, row.model_wait.until) >= POLICY.model_wait_seconds
    pipeline.detector.stopped = False
    assert pipeline.wake_parked() == 1
    assert pipeline.detect(image, owner)["outcome"] == "answered"
    assert pipeline.row(image).state is InspectionState.INSPECTING


def test_a_photo_is_woken_once_however_often_the_capacity_manager_runs() -> None:
    pipeline = stopped_pipeline()
    pipeline.parked(pipeline.upload())
    pipeline.detector.stopped = False

    assert [pipeline.wake_parked() for _ in range(3)] == [1, 0, 0]
    assert pipeline.executions.answers == [("wake-1", {})]


def test_a_model_that_stops_while_it_wakes_photos_leaves_them_parked_for_the_next_start() -> None:
    pipeline = stopped_pipeline()
    images = [pipeline.upload(key=f"{number}.png") for number in range(3)]
    owners = [pipeline.parked(image, f"first-{image.key}") for image in images]

    assert pipeline.wake_parked() == 3  # The control plane says RUNNING, and the model stops just then.
    for image, owner in zip(images, owners, strict=True):
        pipeline.executions.live_tokens.add(f"second-{image.key}")
        pipeline.park(image, owner, f"second-{image.key}", pipeline.detect(image, owner))
    pipeline.detector.stopped = False

    assert pipeline.wake_parked() == 3
    assert {token.partition("-")[0] for token, _ in pipeline.executions.answers[3:]} == {"second"}


def test_no_photo_is_woken_while_the_model_does_not_run_or_settings_are_unreadable() -> None:
    pipeline = stopped_pipeline()
    pipeline.parked(pipeline.upload())

    def unreadable() -> Any:
        raise ConfigurationError("routing policy: not JSON")

    waker = Waker(inspections=pipeline.inspections, tokens=pipeline.wake_tokens, tasks=pipeline.executions)
    arn = next(iter(pipeline.control_plane.versions))
    how: Any = {"time_left": lambda: True, "sleep": lambda _: None}
    with pytest.raises(ConfigurationError):
        parked_photos.wake_parked(waker, pipeline.control_plane, unreadable, arn, **how)
    assert parked_photos.wake_parked(waker, pipeline.control_plane, unreadable, "", **how) == 0
    version = pipeline.control_plane.versions[arn]
    pipeline.control_plane.versions[arn] = replace(version, status=ModelStatus.STARTING)
    assert pipeline.wake_parked() == 0
    assert pipeline.executions.answers == []


@pytest.mark.parametrize(
    ("per_second", "verdict"), [(6, CORRECT), (1e9, WRONG)], ids=["bounded", "unbounded"]
)
@pytest.mark.parametrize("units", [1, 3])
def test_photos_are_woken_at_a_bounded_rate(
    monkeypatch: pytest.MonkeyPatch, per_second: float, verdict: AbstractContextManager[Any], units: int
) -> None:
    monkeypatch.setattr(parked_photos, "WAKES_PER_SECOND", per_second)
    pipeline, slept = stopped_pipeline(), list[float]()
    for number in range(12):
        pipeline.parked(pipeline.upload(key=f"{number}.png"), f"wake-{number}")
    versions = pipeline.control_plane.versions
    versions |= {arn: replace(version, units=units) for arn, version in versions.items()}

    assert pipeline.wake_parked(slept.append) == 12
    with verdict:
        assert sum(slept) == pytest.approx(12 / 6 / units)


class CountsInFlight(InMemoryInspectionRepository):
    """A wrong variant: a parked row stays in flight."""

    def park(self, inspection_id: InspectionId, owner: ExecutionName, wait: ModelWait) -> None:
        self._change(inspection_id, owner, {"model_wait": wait})


@pytest.mark.parametrize(
    ("repository", "verdict"), [(InMemoryInspectionRepository, CORRECT), (CountsInFlight, WRONG)]
)
def test_parked_photos_do_not_slow_uploads_down(
    repository: type[InMemoryInspectionRepository], verdict: AbstractContextManager[Any]
) -> None:
    pipeline, slept = stopped_pipeline(inspections=repository()), list[float]()
    for number in range(5):
        pipeline.parked(pipeline.upload(key=f"{number}.png"), f"wake-{number}")

    apply_backpressure(pipeline.inspections, 5, lambda: len(slept) < 3, slept.append)

    with verdict:
        assert slept == []


@pytest.mark.parametrize("shares_a_store", [False, True])
def test_a_wake_up_never_answers_a_review_and_a_decision_never_a_wait(shares_a_store: bool) -> None:
    pipeline = stopped_pipeline(detector=FakeDetector(UNSURE))
    if shares_a_store:  # A wrong variant: both kinds of tokens are in one store.
        pipeline = replace(pipeline, wake_tokens=pipeline.task_tokens)
    image = pipeline.upload()
    owner = pipeline.parked(image)
    stale_row = pipeline.row(image)
    pipeline.detector.stopped = False
    pipeline.detect(image, owner, POLICY.model_wait_seconds)  # The wait timed out: its token is left behind.
    pipeline.move(image, owner, "unclear")
    pipeline.executions.live_tokens.add("review-1")
    pipeline.ask(image, owner, "review-1")

    with WRONG if shares_a_store else CORRECT:
        parking.wake(pipeline.wake_tokens, pipeline.executions, stale_row.id)
        pipeline.decide(image, Verdict.OK)
        pipeline.executions.live_tokens.add("wake-1")
        pipeline.deliver(image)
        answers = dict(pipeline.executions.answers)
        assert answers["wake-1"] == {}
        assert answers["review-1"]["verdict"] == "ok"
        pipeline.wake_tokens.put(image.key, "wake-2", 1)
        assert pipeline.task_tokens.list_tokens(image.key) == []


@pytest.mark.parametrize("answer", [BROKEN, ImageUnreadable("no access")])
def test_a_photo_with_a_broken_configuration_is_woken_only_once_it_works(answer: Any) -> None:
    pipeline = Pipeline(detector=FakeDetector(answer))
    for number in range(parked_photos.MAX_FAILED_PROBES + 2):
        pipeline.parked(pipeline.upload(key=f"{number}.png"), f"wake-{number}")
    seen = len(pipeline.detector.seen)

    assert pipeline.wake_parked() == 0
    assert len(pipeline.detector.seen) == seen + parked_photos.MAX_FAILED_PROBES
    pipeline.detector.answers = [CLEARLY_OK]
    assert pipeline.wake_parked() == parked_photos.MAX_FAILED_PROBES + 2


def reconciler_of(pipeline: Pipeline, meter: UsageMeter) -> Reconciler:
    class Store:
        def load_meter(self) -> UsageMeter:
            return meter

    store: Any = Store()
    return Reconciler(
        inspections=pipeline.inspections,
        objects=pipeline.objects,
        executions=pipeline.executions,
        delivery_queue=pipeline.decisions,
        wake_tokens=pipeline.wake_tokens,
        capacity_store=store,
    )


@pytest.mark.parametrize(
    ("running_since", "parked_since", "broken", "woken"),
    [
        ("", -3600, False, 0),
        (-3600, -3600, False, MAX_MISSED_WAKES),
        (-60, -3600, False, 0),
        (-3600, -60, False, 0),
        (-3600, -3600, True, 0),
    ],
    ids=["stopped", "missed", "just started", "just parked", "broken"],
)
def test_reconcile_finds_lost_wake_ups_a_few_at_a_time(
    running_since: Any, parked_since: float, broken: bool, woken: int
) -> None:
    pipeline, now = stopped_pipeline(), timestamps.now()
    for number in range(MAX_MISSED_WAKES + 1):
        pipeline.parked(pipeline.upload(key=f"{number}.png"), f"wake-{number}")
    since = timestamps.add_seconds(now, parked_since)
    for row in pipeline.inspections.rows.values():
        wait = ModelWait(since=since, until=now, reason="", broken=broken)
        pipeline.inspections.rows[row.id] = replace(row, model_wait=wait)
    running = {"arn": (timestamps.add_seconds(now, running_since), 1)} if running_since else {}
    reconciler = reconciler_of(pipeline, UsageMeter(model="arn", running=running))

    counts = reconcile(reconciler, find_issues(reconciler, "inbound"))

    assert counts == ({IssueKind.MISSED_WAKE.value: woken} if woken else {})
    assert len(pipeline.executions.answers) == woken


@pytest.mark.parametrize("ended", ["ABORTED", "FAILED"])
def test_a_parked_execution_that_ends_is_followed_by_the_next_attempt_in_flight(ended: str) -> None:
    pipeline = stopped_pipeline()
    image = pipeline.upload()
    owner = pipeline.parked(image)
    pipeline.executions.statuses[owner] = ended
    reconciler = reconciler_of(pipeline, UsageMeter())

    assert reconcile(reconciler, find_issues(reconciler, "inbound")) == {"orphaned inspection": 1}

    row = pipeline.row(image)
    assert (row.attempt, row.state) == (2, InspectionState.INSPECTING)
    pipeline.executions.live_tokens.add("wake-2")
    pipeline.park(image, row.owner, "wake-2", pipeline.detect(image, row.owner))
    assert pipeline.wake_parked() == 1
    assert [token for token, _ in pipeline.executions.answers] == ["wake-2"]


def test_a_repeated_event_of_a_parked_photo_starts_nothing() -> None:
    pipeline = stopped_pipeline()
    image = pipeline.upload()
    pipeline.parked(image)

    assert start_inspection(pipeline.executions, pipeline.inspections, image, UPLOADED_AT) is None


def test_a_late_run_of_an_earlier_wait_cannot_put_a_photo_back_in_flight() -> None:
    pipeline = stopped_pipeline()
    image = pipeline.upload()
    owner = pipeline.parked(image)
    late = pipeline.row(image)
    pipeline.inspections.unpark(late)
    wait = ModelWait(since=timestamps.add_seconds(NOW, 1), until=NOW, reason="stopped again")
    pipeline.inspections.park(late.id, owner, wait)

    pipeline.inspections.unpark(late)

    assert pipeline.row(image).state is InspectionState.PARKED


@pytest.mark.parametrize(("waited", "outcome"), [(0, "not_ready"), (86_399, "not_ready"), (86_400, "raised")])
def test_a_photo_waits_a_day_for_settings_that_are_unreadable(waited: int, outcome: str) -> None:
    pipeline, error = Pipeline(), ConfigurationError("routing policy: not JSON")
    image = pipeline.upload()
    pipeline.claim(image, pipeline.start(image))
    row = pipeline.row(image)
    now = timestamps.add_seconds(row.claimed_at, waited)

    with pytest.raises(ConfigurationError) if outcome == "raised" else CORRECT:
        answer = parking.wait_for_settings(pipeline.inspections, row.id, row.owner, error, now)
        assert (answer["outcome"], answer["reason"], answer["broken"]) == (outcome, str(error), True)
        assert answer["timeout_seconds"] == 86_400 - waited


def test_a_deleted_upload_is_not_waited_for_longer_than_its_wake_up() -> None:
    pipeline = stopped_pipeline()
    image = pipeline.upload()
    owner = pipeline.parked(image)
    pipeline.detector.objects, pipeline.detector.stopped = pipeline.objects, False
    pipeline.objects.delete(image)

    assert pipeline.wake_parked() == 1
    assert pipeline.detect(image, owner) == {"outcome": "vanished"}
    assert pipeline.row(image).withdrawn
