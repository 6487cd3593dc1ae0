"""The oldest item of each queue, from the tables."""

from dataclasses import replace
from typing import Any

import pytest

from review_app.dashboard.queue_backlogs import QueueBacklog, list_queue_backlogs
from tests.web.world import World
from workflow import timestamps
from workflow.inspections.inspection import Decision, InspectionState, Review
from workflow.inspections.verdict import Verdict
from workflow.recovery.commands import Command, CommandKind

NOW = "2026-06-01T12:00:00.000Z"


@pytest.fixture
def world() -> World:
    return World.new()


def backlogs(world: World) -> dict[str, QueueBacklog]:
    return {backlog.name: backlog for backlog in list_queue_backlogs(world.container, NOW)}


def change(world: World, inspection: str, **changes: Any) -> None:
    world.pipeline.inspections.rows[inspection] = replace(world.row(inspection), **changes)


def decided(at: str, release_at: str = "", delivered_at: str = "") -> Decision:
    return Decision(
        id=at,
        verdict=Verdict.OK,
        reviewer="ann",
        decided_at=at,
        effective_at=release_at,
        delivered_at=delivered_at,
    )


def test_queues_are_told_with_their_depth_and_nothing_waits_in_an_empty_line(world: World) -> None:
    world.pipeline.decisions.send("a hint")

    queues = backlogs(world)

    assert list(queues) == ["intake", "decisions", "escalations", "commands"]
    assert queues["decisions"].depth == 1
    assert {(queue.oldest.since, queue.oldest.link) for queue in queues.values()} == {("", "")}


def test_a_photo_is_in_flight_since_its_claim_whatever_its_attempts(world: World) -> None:
    (inspection,) = world.add_waiting("a.png")
    change(
        world,
        inspection,
        state=InspectionState.INSPECTING,
        claimed_at="2026-05-01",
        attempted_at="2026-06-01",
    )

    assert backlogs(world)["intake"].oldest.since == "2026-05-01"
    assert backlogs(world)["intake"].oldest.link == f"/executions/{world.row(inspection).owner}"


def test_a_photo_that_is_inspected_again_is_in_flight_since_then(world: World) -> None:
    (inspection,) = world.add_waiting("a.png")
    change(
        world,
        inspection,
        state=InspectionState.INSPECTING,
        claimed_at="2025-01-01",
        attempted_at="2026-06-01",
        revision=2,
    )

    assert backlogs(world)["intake"].oldest.since == "2026-06-01"


def test_a_decision_waits_from_the_end_of_its_undo_window_until_it_is_delivered(world: World) -> None:
    early, late, sent, settled, undecided, held = world.add_waiting(*"abcdef")
    change(world, early, decision=decided("2026-06-01T10:00:00.000Z", "2026-06-01T10:00:08.000Z"))
    change(world, late, decision=decided("2026-06-01T11:00:00.000Z"))
    change(world, sent, decision=decided("2026-06-01T09:00:00.000Z", delivered_at="2026-06-01T09:00:09.000Z"))
    change(world, settled, decision=decided("2026-06-01T08:00:00.000Z"), announcement="{}")
    change(world, held, decision=decided("2026-06-01T07:00:00.000Z", timestamps.add_seconds(NOW, 1)))

    oldest = backlogs(world)["decisions"].oldest

    assert world.row(undecided).decision is None
    assert (oldest.since, oldest.link) == (
        "2026-06-01T10:00:08.000Z",
        f"/executions/{world.row(early).owner}",
    )
    for inspection in (early, late):
        change(world, inspection, decision=None)
    assert backlogs(world)["decisions"].oldest.since == ""


def test_the_longest_of_the_escalated_reviews_is_told_and_no_other(world: World) -> None:
    plain, first, second = world.add_waiting(*"abc")
    for inspection, at, escalated in (
        (plain, "2026-01", False),
        (first, "2026-02", True),
        (second, "2026-03", True),
    ):
        change(world, inspection, review=Review(opened_at=at, round=1, deadline=at, escalated=escalated))

    oldest = backlogs(world)["escalations"].oldest

    assert (oldest.since, oldest.link) == ("2026-02", f"/inspections/{first}")


def test_the_command_that_was_asked_for_first_is_told(world: World) -> None:
    for name, asked, ended in (("a", "2026-03", ""), ("b", "2026-02", ""), ("c", "2026-01", "2026-01")):
        command = Command(
            id=name,
            kind=CommandKind.STOP,
            actor="eve",
            reason="why",
            requested_at=asked,
            ids=("i",),
            ended_at=ended,
        )
        world.commands.add(command, ())

    oldest = backlogs(world)["commands"].oldest

    assert (oldest.since, oldest.link) == ("2026-02", "/commands/b")
