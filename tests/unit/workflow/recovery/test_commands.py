"""Commands are kept with their reason, obeyed bit by bit, and done once however often they are tried."""

from dataclasses import replace
from typing import Any

import pytest

from tests.fakes import FakeDetector, MemoryCommands, MemorySearch
from tests.unit.line import CLEARLY_OK, NOW, UNSURE, Line
from workflow.errors import Conflict
from workflow.history.search import Query
from workflow.inspections.inspection import Decision, State
from workflow.inspections.verdict import Verdict
from workflow.models.model import name_of
from workflow.recovery import commands
from workflow.recovery.command_handlers import hands
from workflow.recovery.commands import MAX_REASON, MOST_TARGETS, Command, Hands, Kind, obey_all
from workflow.recovery.reconcile import Mender


class World:
    """A line in memory and the hands that act on it."""

    def __init__(self, *answers: Any) -> None:
        self.line = Line(detector=FakeDetector(*answers or (CLEARLY_OK,)))
        self.books, self.search = MemoryCommands(), MemorySearch(self.line.ledger)
        line = self.line
        mender = Mender(line.ledger, line.shelf, line.executions, line.decisions)
        self.hands = hands(mender, line.executions)
        self.slept: list[float] = []

    def obey(self, time_left: Any = lambda: True) -> list[Command]:
        return list(obey_all(self.books, self.search, self.hands, time_left, self.slept.append))

    def ask(self, kind: Kind, *ids: str, query: Query | None = None, name: str = "c1") -> Command:
        return commands.ask(self.books, Command(name, kind, "eve", "a scratched lens", NOW, ids, query))


@pytest.fixture
def world() -> World:
    return World()


def test_a_failed_inspection_is_started_again(world: World) -> None:
    image = world.line.upload()
    owner = world.line.start(image)
    world.line.claim(image, owner)
    world.line.executions.statuses[owner] = "FAILED"
    world.ask(Kind.REDRIVE, world.line.row(image).id)

    (done,) = world.obey()

    assert (done.done, done.refused, bool(done.ended_at)) == (1, 0, True)
    assert "line 1/pump #7.png: re" in done.told[0]
    assert world.line.executions.statuses[world.line.row(image).owner] == "RUNNING"


def test_what_runs_is_not_started_again_and_the_reason_is_told(world: World) -> None:
    image = world.line.upload()
    world.line.claim(image, world.line.start(image))
    world.ask(Kind.REDRIVE, world.line.row(image).id, "f" * 64)

    (done,) = world.obey()

    assert (done.done, done.refused) == (0, 2)
    assert "not started again, it is running" in done.told[0]
    assert "has no row" in done.told[1]


def test_a_running_attempt_is_stopped_and_a_closed_one_is_not(world: World) -> None:
    image = world.line.upload()
    owner = world.line.start(image)
    world.line.claim(image, owner)
    closed = world.line.upload(key="b.png")
    world.line.inspected(closed)
    world.ask(Kind.STOP, world.line.row(image).id, world.line.row(closed).id)

    (done,) = world.obey()

    assert (done.done, done.refused) == (1, 1)
    assert world.line.executions.statuses[owner] == "ABORTED"


def test_everything_that_a_model_settled_is_inspected_again_and_nothing_twice(world: World) -> None:
    images = [world.line.upload(key=f"{number}.png") for number in range(25)]
    for image in images:
        world.line.inspected(image)
    model = name_of(world.line.row(images[0]).prediction.model)  # type: ignore[union-attr]
    world.ask(Kind.AGAIN, query=Query(state=State.CLOSED, model=model))

    (done,) = world.obey()

    assert (done.done, done.refused) == (25, 0)
    assert {world.line.row(image).revision for image in images} == {2}
    assert world.slept == [0.2] * 25
    world.books.kept["c1"] = replace(done, mark=None, done=0, ended_at="")  # As if it had died meanwhile.
    world.obey()
    assert {world.line.row(image).revision for image in images} == {2}


def test_a_command_goes_on_where_it_was_when_time_was_up(world: World) -> None:
    ids = [world.line.row(image).id for image in (closed(world, number) for number in range(12))]
    world.ask(Kind.AGAIN, *ids)
    looks = iter([True, False])

    (half,) = world.obey(lambda: next(looks, False))
    (whole,) = world.obey()

    assert (half.tried, half.ended_at, whole.tried, bool(whole.ended_at)) == (10, "", 12, True)


def closed(world: World, number: int) -> Any:
    image = world.line.upload(key=f"{number}.png")
    world.line.inspected(image)
    return image


def test_two_who_obey_at_once_do_not_count_twice(world: World) -> None:
    command = world.ask(Kind.STOP, "a" * 64)
    others = Hands(str, lambda one, _: world.books.advance(command, replace(command, done=1)) and one, str)  # type: ignore[arg-type, return-value]

    after, goes_on = commands.obey(world.books, world.search, others, command, lambda _: None)

    assert not goes_on
    assert after == world.books.kept["c1"]
    assert after.done == 1


def test_a_fault_leaves_the_command_open(world: World) -> None:
    world.ask(Kind.STOP, "a" * 64)
    broken = Hands(str, lambda *_: 1 / 0, str)  # type: ignore[arg-type, return-value]

    with pytest.raises(ZeroDivisionError):
        list(obey_all(world.books, world.search, broken, lambda: True, lambda _: None))
    assert [command.id for command in world.books.open()] == ["c1"]


def test_a_broken_command_does_not_hold_up_the_others(world: World) -> None:
    world.ask(Kind.STOP, "a" * 64)
    world.ask(Kind.REDRIVE, "b" * 64, name="c2")
    broken = Hands(lambda one: one, lambda *_: 1 / 0, str)  # type: ignore[arg-type, return-value]

    with pytest.raises(ZeroDivisionError):
        list(obey_all(world.books, world.search, broken, lambda: True, lambda _: None))
    assert [command.id for command in world.books.open()] == ["c1"]


def test_a_command_is_in_the_audit_trail_from_the_moment_it_is_asked(world: World) -> None:
    world.ask(Kind.REDRIVE, "a" * 64)
    world.ask(Kind.AGAIN, query=Query(model="m1", since="2026"), name="c2")

    told = [(entry.inspection_id, entry.who, entry.action, entry.after) for entry in world.books.entries]
    assert told == [
        ("a" * 64, "eve", "ask: redrive", "1 inspections"),
        ("command-c2", "eve", "ask: inspect again", "model m1, from 2026"),
    ]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"reason": " "}, "say why"),
        ({"reason": "x" * (MAX_REASON + 1)}, "at most 2,000 characters"),
        ({"ids": ()}, "no inspection is chosen"),
        ({"ids": ("a",) * (MOST_TARGETS + 1)}, "at most 1,000 inspections"),
        ({"ids": ("a" * 64, "model-power-meter")}, "64 hexadecimal digits, unlike 'model-power-meter'"),
        ({"kind": Kind.AGAIN, "ids": (), "query": Query(model="m", decided_by="ann")}, "a person decided"),
        ({"ids": (), "query": Query(verdict=None)}, "name a model or a policy"),
        ({"kind": Kind.STOP, "query": Query(model="m")}, "name a model or a policy"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(world: World, changes: dict[str, Any], why: str) -> None:
    plain = Command("c1", Kind.REDRIVE, "eve", "because", NOW, ("a" * 64,))

    with pytest.raises(ValueError, match=why):
        commands.ask(world.books, replace(plain, **changes))
    assert not world.books.kept


def test_a_waiting_photo_is_not_inspected_again() -> None:
    world = World(UNSURE)
    image = world.line.upload()
    world.line.waiting(image)

    with pytest.raises(Conflict, match="not announced yet"):
        world.hands.inspect_again(world.line.row(image).id, "eve", "why", NOW, True)


@pytest.mark.parametrize("decided_by", ["reviewer 1", "eve"])
def test_what_a_person_decided_is_inspected_again_only_by_name(world: World, decided_by: str) -> None:
    judged, decided = (world.line.row(closed(world, number)) for number in range(2))
    made = Decision("d1", Verdict.DEFECT, decided_by, NOW, "scratch")
    world.line.ledger.rows[decided.id] = replace(decided, decision=made)
    model = name_of(judged.prediction.model)  # type: ignore[union-attr]
    world.ask(Kind.AGAIN, query=Query(state=State.CLOSED, model=model))

    (done,) = world.obey()

    assert (done.done, done.refused) == (1, 1)
    assert f"{decided_by} decided it" in "".join(done.told)
    assert world.line.ledger.rows[decided.id].decision == made
    world.ask(Kind.AGAIN, decided.id, name="c2")
    assert [command.done for command in world.obey()] == [1]


def test_a_long_command_does_not_hold_up_a_short_one(world: World) -> None:
    ids = [world.line.row(closed(world, number)).id for number in range(25)]
    world.ask(Kind.AGAIN, *ids)
    world.ask(Kind.STOP, ids[0], name="c2")
    looks = iter([True, True, False])

    told = world.obey(lambda: next(looks))

    assert {command.id: (command.tried, bool(command.ended_at)) for command in told} == {
        "c2": (1, True),
        "c1": (10, False),
    }
