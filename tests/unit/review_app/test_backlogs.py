"""What waits longest for each queue, as the ledger knows it."""

from dataclasses import replace
from typing import Any

import pytest

from review_app.dashboard import Backlog, queues
from tests.web.world import World
from workflow import timestamps
from workflow.inspections.inspection import Decision, Review, State
from workflow.inspections.verdict import Verdict
from workflow.recovery.commands import Command, Kind

NOW = "2026-06-01T12:00:00.000Z"


@pytest.fixture
def world() -> World:
    return World.new()


def shown(world: World) -> dict[str, Backlog]:
    return {one.name: one for one in queues(world.ports, NOW)}


def changed(world: World, inspection: str, **changes: Any) -> None:
    world.line.ledger.rows[inspection] = replace(world.row(inspection), **changes)


def decided(at: str, release_at: str = "", sent_at: str = "") -> Decision:
    return Decision(at, Verdict.OK, "ann", at, release_at=release_at, sent_at=sent_at)


def test_queues_are_told_with_their_depth_and_nothing_waits_in_an_empty_line(world: World) -> None:
    world.line.decisions.send("a hint")

    told = shown(world)

    assert list(told) == ["intake", "decisions", "escalations", "commands"]
    assert told["decisions"].depth == 1
    assert {(one.since, one.link) for one in told.values()} == {("", "")}


def test_a_photo_is_in_flight_since_its_claim_whatever_its_attempts(world: World) -> None:
    (one,) = world.waiting("a.png")
    changed(world, one, state=State.INSPECTING, claimed_at="2026-05-01", attempted_at="2026-06-01")

    assert shown(world)["intake"].since == "2026-05-01"
    assert shown(world)["intake"].link == f"/executions/{world.row(one).owner}"


def test_a_photo_that_is_inspected_again_is_in_flight_since_then(world: World) -> None:
    (one,) = world.waiting("a.png")
    changed(
        world, one, state=State.INSPECTING, claimed_at="2025-01-01", attempted_at="2026-06-01", revision=2
    )

    assert shown(world)["intake"].since == "2026-06-01"


def test_a_decision_waits_from_the_end_of_its_undo_window_until_it_is_delivered(world: World) -> None:
    early, late, sent, settled, undecided, held = world.waiting(*"abcdef")
    changed(world, early, decision=decided("2026-06-01T10:00:00.000Z", "2026-06-01T10:00:08.000Z"))
    changed(world, late, decision=decided("2026-06-01T11:00:00.000Z"))
    changed(world, sent, decision=decided("2026-06-01T09:00:00.000Z", sent_at="2026-06-01T09:00:09.000Z"))
    changed(world, settled, decision=decided("2026-06-01T08:00:00.000Z"), announcement="{}")
    changed(world, held, decision=decided("2026-06-01T07:00:00.000Z", timestamps.later(NOW, 1)))

    waits = shown(world)["decisions"]

    assert world.row(undecided).decision is None
    assert (waits.since, waits.link) == ("2026-06-01T10:00:08.000Z", f"/executions/{world.row(early).owner}")
    for one in (early, late):
        changed(world, one, decision=None)
    assert shown(world)["decisions"].since == ""


def test_the_longest_of_the_escalated_reviews_is_told_and_no_other(world: World) -> None:
    plain, first, second = world.waiting(*"abc")
    for one, at, escalated in (
        (plain, "2026-01", False),
        (first, "2026-02", True),
        (second, "2026-03", True),
    ):
        changed(world, one, review=Review(at, 1, at, escalated))

    waits = shown(world)["escalations"]

    assert (waits.since, waits.link) == ("2026-02", f"/inspections/{first}")


def test_the_command_that_was_asked_for_first_is_told(world: World) -> None:
    for name, asked, ended in (("a", "2026-03", ""), ("b", "2026-02", ""), ("c", "2026-01", "2026-01")):
        command = Command(name, Kind.STOP, "eve", "why", asked, ("i",), ended_at=ended)
        world.commands.ask(command, ())

    waits = shown(world)["commands"]

    assert (waits.since, waits.link) == ("2026-02", "/commands/b")
