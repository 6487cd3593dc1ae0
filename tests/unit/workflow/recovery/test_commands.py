"""Commands are stored with their reason, processed page by page, and take effect once when repeated."""

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import FakeDetector, InMemoryCommandRepository, InMemoryInspectionSearch
from tests.unit.pipeline import CLEARLY_OK, NOW, UNSURE, Pipeline
from workflow.errors import Conflict
from workflow.history.search import InspectionQuery
from workflow.inspections.inspection import AuditAction, Decision, InspectionState
from workflow.inspections.verdict import Verdict
from workflow.models.model import version_name
from workflow.recovery import commands
from workflow.recovery.command_handlers import build_handlers
from workflow.recovery.commands import (
    MAX_TARGETS,
    Command,
    CommandHandlers,
    CommandKind,
    process_all,
)
from workflow.review.decisions import MAX_REASON_LENGTH


class CommandProcessing:
    """A pipeline in memory, its commands, and their handlers."""

    def __init__(self, *answers: Any) -> None:
        self.pipeline = Pipeline(detector=FakeDetector(*answers or (CLEARLY_OK,)))
        self.commands, self.search = (
            InMemoryCommandRepository(),
            InMemoryInspectionSearch(self.pipeline.inspections),
        )
        pipeline = self.pipeline
        reconciler = pipeline.reconciler
        self.handlers = build_handlers(reconciler, pipeline.executions)
        self.pauses: list[float] = []

    def process(self, time_left: Any = lambda: True) -> list[Command]:
        return list(process_all(self.commands, self.search, self.handlers, time_left, self.pauses.append))

    def submit(
        self, kind: CommandKind, *ids: str, query: InspectionQuery | None = None, name: str = "c1"
    ) -> Command:
        return commands.submit(
            self.commands,
            Command(
                id=name,
                kind=kind,
                actor="eve",
                reason="a scratched lens",
                requested_at=NOW,
                ids=ids,
                query=query,
            ),
        )


@pytest.fixture
def processing() -> CommandProcessing:
    return CommandProcessing()


def test_a_failed_inspection_is_redriven(processing: CommandProcessing) -> None:
    image = processing.pipeline.upload()
    owner = processing.pipeline.start(image)
    processing.pipeline.claim(image, owner)
    processing.pipeline.executions.statuses[owner] = "FAILED"
    processing.submit(CommandKind.REDRIVE, processing.pipeline.row(image).id)

    (command,) = processing.process()

    assert (command.done, command.refused, bool(command.ended_at)) == (1, 0, True)
    assert "line 1/pump #7.png: re" in command.messages[0]
    assert processing.pipeline.executions.statuses[processing.pipeline.row(image).owner] == "RUNNING"


def test_a_running_inspection_is_not_redriven_and_the_message_gives_the_reason(
    processing: CommandProcessing,
) -> None:
    image = processing.pipeline.upload()
    processing.pipeline.claim(image, processing.pipeline.start(image))
    processing.submit(CommandKind.REDRIVE, processing.pipeline.row(image).id, "f" * 64)

    (command,) = processing.process()

    assert (command.done, command.refused) == (0, 2)
    assert "not started again, it is running" in command.messages[0]
    assert "has no row" in command.messages[1]


def test_a_running_attempt_is_stopped_and_a_closed_one_is_not(processing: CommandProcessing) -> None:
    image = processing.pipeline.upload()
    owner = processing.pipeline.start(image)
    processing.pipeline.claim(image, owner)
    closed = processing.pipeline.upload(key="b.png")
    processing.pipeline.inspected(closed)
    processing.submit(CommandKind.STOP, processing.pipeline.row(image).id, processing.pipeline.row(closed).id)

    (command,) = processing.process()

    assert (command.done, command.refused) == (1, 1)
    assert processing.pipeline.executions.statuses[owner] == "ABORTED"


def test_all_photos_that_a_model_settled_are_reinspected_once(processing: CommandProcessing) -> None:
    images = [processing.pipeline.upload(key=f"{number}.png") for number in range(25)]
    for image in images:
        processing.pipeline.inspected(image)
    model = version_name(processing.pipeline.row(images[0]).prediction.model)  # type: ignore[union-attr]
    processing.submit(CommandKind.REINSPECT, query=InspectionQuery(state=InspectionState.CLOSED, model=model))

    (command,) = processing.process()

    assert (command.done, command.refused) == (25, 0)
    assert {processing.pipeline.row(image).revision for image in images} == {2}
    assert processing.pauses == [0.2] * 25
    processing.commands.kept["c1"] = replace(command, cursor=None, done=0, ended_at="")  # As after a crash.
    processing.process()
    assert {processing.pipeline.row(image).revision for image in images} == {2}


def test_a_command_resumes_after_its_time_was_up(processing: CommandProcessing) -> None:
    ids = [
        processing.pipeline.row(image).id for image in (closed(processing, number) for number in range(12))
    ]
    processing.submit(CommandKind.REINSPECT, *ids)
    time_left = iter([True, False])

    (interrupted,) = processing.process(lambda: next(time_left, False))
    (finished,) = processing.process()

    assert (interrupted.attempted, interrupted.ended_at, finished.attempted, bool(finished.ended_at)) == (
        10,
        "",
        12,
        True,
    )


def closed(processing: CommandProcessing, number: int) -> Any:
    image = processing.pipeline.upload(key=f"{number}.png")
    processing.pipeline.inspected(image)
    return image


def test_two_processes_at_once_do_not_count_twice(processing: CommandProcessing) -> None:
    command = processing.submit(CommandKind.STOP, "a" * 64)
    racing_handlers = CommandHandlers(
        str,
        lambda row_id, _: (
            processing.commands.update_if_unchanged(command, replace(command, done=1)) and row_id
        ),
        str,
    )  # type: ignore[arg-type, return-value]

    after, should_continue = commands.process(
        processing.commands, processing.search, racing_handlers, command, lambda _: None
    )

    assert not should_continue
    assert after == processing.commands.kept["c1"]
    assert after.done == 1


def test_an_error_leaves_the_command_open(processing: CommandProcessing) -> None:
    processing.submit(CommandKind.STOP, "a" * 64)
    failing_handlers = CommandHandlers(str, lambda *_: 1 / 0, str)  # type: ignore[arg-type, return-value]

    with pytest.raises(ZeroDivisionError):
        list(
            process_all(
                processing.commands, processing.search, failing_handlers, lambda: True, lambda _: None
            )
        )
    assert [command.id for command in processing.commands.list_open()] == ["c1"]


def test_a_failing_command_does_not_delay_the_others(processing: CommandProcessing) -> None:
    processing.submit(CommandKind.STOP, "a" * 64)
    processing.submit(CommandKind.REDRIVE, "b" * 64, name="c2")
    failing_handlers = CommandHandlers(lambda row_id: row_id, lambda *_: 1 / 0, str)  # type: ignore[arg-type, return-value]

    with pytest.raises(ZeroDivisionError):
        list(
            process_all(
                processing.commands, processing.search, failing_handlers, lambda: True, lambda _: None
            )
        )
    assert [command.id for command in processing.commands.list_open()] == ["c1"]


@pytest.mark.parametrize("kind", CommandKind)
def test_every_kind_of_command_has_its_action_in_the_audit_trail(kind: CommandKind) -> None:
    assert AuditAction(f"request: {kind}").value == f"request: {kind}"


def test_a_command_is_in_the_audit_trail_from_its_submission(processing: CommandProcessing) -> None:
    processing.submit(CommandKind.REDRIVE, "a" * 64)
    processing.submit(CommandKind.REINSPECT, query=InspectionQuery(model="m1", since="2026"), name="c2")

    entries = [
        (entry.inspection_id, entry.actor, entry.action, entry.after) for entry in processing.commands.entries
    ]
    assert entries == [
        ("a" * 64, "eve", "request: redrive", "1 inspections"),
        ("command-c2", "eve", "request: reinspect", "model m1, from 2026"),
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reason": " "}, "needs a reason"),
        ({"reason": "x" * (MAX_REASON_LENGTH + 1)}, "at most 2,000 characters"),
        ({"ids": ()}, "no inspection is chosen"),
        ({"ids": ("a",) * (MAX_TARGETS + 1)}, "at most 1,000 inspections"),
        ({"ids": ("a" * 64, "model-usage-meter")}, "64 hexadecimal digits, unlike 'model-usage-meter'"),
        (
            {"kind": CommandKind.REINSPECT, "ids": (), "query": InspectionQuery(model="m", decided_by="ann")},
            "a reviewer decided",
        ),
        ({"ids": (), "query": InspectionQuery(verdict=None)}, "name a model or a policy"),
        ({"kind": CommandKind.STOP, "query": InspectionQuery(model="m")}, "name a model or a policy"),
    ],
)
def test_an_invalid_command_is_refused(
    processing: CommandProcessing, changes: dict[str, Any], message: str
) -> None:
    valid = Command(
        id="c1", kind=CommandKind.REDRIVE, actor="eve", reason="because", requested_at=NOW, ids=("a" * 64,)
    )

    with pytest.raises(ValueError, match=message):
        commands.submit(processing.commands, replace(valid, **changes))
    assert not processing.commands.kept


def test_a_waiting_photo_is_not_reinspected() -> None:
    processing = CommandProcessing(UNSURE)
    image = processing.pipeline.upload()
    processing.pipeline.waiting(image)

    with pytest.raises(Conflict, match="not announced yet"):
        processing.handlers.reinspect(processing.pipeline.row(image).id, "eve", "why", NOW, True)


@pytest.mark.parametrize("decided_by", ["reviewer 1", "eve"])
def test_a_photo_that_a_reviewer_decided_is_reinspected_only_by_its_id(
    processing: CommandProcessing, decided_by: str
) -> None:
    by_model, by_reviewer = (processing.pipeline.row(closed(processing, number)) for number in range(2))
    decision = Decision(
        id="d1", verdict=Verdict.DEFECT, reviewer=decided_by, decided_at=NOW, reason="scratch"
    )
    processing.pipeline.inspections.rows[by_reviewer.id] = replace(by_reviewer, decision=decision)
    model = version_name(by_model.prediction.model)  # type: ignore[union-attr]
    processing.submit(CommandKind.REINSPECT, query=InspectionQuery(state=InspectionState.CLOSED, model=model))

    (command,) = processing.process()

    assert (command.done, command.refused) == (1, 1)
    assert f"{decided_by} decided it" in "".join(command.messages)
    assert processing.pipeline.inspections.rows[by_reviewer.id].decision == decision
    processing.submit(CommandKind.REINSPECT, by_reviewer.id, name="c2")
    assert [command.done for command in processing.process()] == [1]


def test_a_long_command_does_not_delay_a_short_one(processing: CommandProcessing) -> None:
    ids = [processing.pipeline.row(closed(processing, number)).id for number in range(25)]
    processing.submit(CommandKind.REINSPECT, *ids)
    processing.submit(CommandKind.STOP, ids[0], name="c2")
    time_left = iter([True, True, False])

    results = processing.process(lambda: next(time_left))

    assert {command.id: (command.attempted, bool(command.ended_at)) for command in results} == {
        "c2": (1, True),
        "c1": (10, False),
    }
