"""What the state machine survives: calls that fail for a while, and executions that die in any state."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.state_machine.engine import Engine
from tests.state_machine.floor import CLEAR_DEFECT, CLEAR_OK, DOUBTFUL, FILED, PHOTO, Answer, Fault, Floor
from workflow import definition
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.verdict import Verdict
from workflow.pipeline import intake

TASKS = [name for name, state in json.loads(definition.text())["States"].items() if state["Type"] == "Task"]
ATTEMPTS = 7  # one, and the six retries of every state
SOON = 2

Open = Callable[..., Floor]


@dataclass(frozen=True, slots=True)
class Course:
    """A way through the machine; `missed` says that nobody takes the first review."""

    final: Verdict
    content: bytes = PHOTO
    answer: Answer = DOUBTFUL
    missed: bool = False

    def open(self, engine: Engine) -> Floor:
        """A floor on which this course is taken."""
        return Floor(engine, self.answer, review=SOON if self.missed else 3600)

    def finish(self, floor: Floor, name: str) -> None:
        """Run on until the execution ends; decide when the course allows it."""

        def person_may_decide() -> bool:
            return floor.waits(name) and (not self.missed or floor.escalated(name))

        floor.until(lambda: not floor.running(name) or person_may_decide())
        if floor.running(name):
            floor.decide(self.final, name)


CLEAR = Course(Verdict.OK, answer=CLEAR_OK)
REVIEWED = Course(Verdict.DEFECT)
THROUGH = {
    "Move to defect": Course(Verdict.DEFECT, answer=CLEAR_DEFECT),
    "Move to rejected": Course(Verdict.REJECTED, content=b"no photo"),
    "Move to unclear": REVIEWED,
    "Ask a reviewer": REVIEWED,
    "Escalate review": Course(Verdict.DEFECT, missed=True),
    "Move to reviewed verdict": REVIEWED,
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong: a fault in some states, so many times in a row."""

    states: tuple[str, ...]
    fault: Fault
    times: int

    def __str__(self) -> str:
        return f"{' and '.join(self.states)} {self.fault.value}"


PASSING = [
    *(
        Trouble(("Claim upload", "Detect labels", "Move to ok", "Announce verdict"), fault, 1)
        for fault in Fault
    ),
    *(
        Trouble(
            ("Move to unclear", "Ask a reviewer", "Move to reviewed verdict", "Close inspection"), fault, 1
        )
        for fault in Fault
    ),
    *(Trouble(("Escalate review",), fault, 2) for fault in Fault),
]
DEADLY = [
    Trouble((state,), fault, ATTEMPTS)
    for state in TASKS
    for fault in (Fault.CRASHED, Fault.ANSWER_LOST)
    if (state, fault) != ("Close inspection", Fault.ANSWER_LOST)  # then nothing is left to do
]


def course(trouble: Trouble) -> Course:
    return next((THROUGH[state] for state in trouble.states if state in THROUGH), CLEAR)


def survive(engine: Engine, trouble: Trouble) -> tuple[Floor, str]:
    """Inspect one photo in spite of a trouble, as far as its first execution comes."""
    floor = course(trouble).open(engine)
    for state in trouble.states:
        floor.faults[state].extend([trouble.fault] * trouble.times)
    name = floor.notify(floor.upload(course(trouble).content))
    if trouble == Trouble(("Ask a reviewer",), Fault.ANSWER_LOST, ATTEMPTS):
        # A person asked by an execution that is about to die could decide before it does.
        floor.until(lambda: not floor.running(name))
    else:
        course(trouble).finish(floor, name)
    return floor, name


def rise_again(engine: Engine, trouble: Trouble) -> tuple[Floor, str, str]:
    """Inspect one photo whose first execution dies, until the clock and its next execution bring it home."""
    floor, first = survive(engine, trouble)
    died = floor.executions.describe(first) or {}
    assert (died["status"], died["error"]) in (("FAILED", "Crash"), ("FAILED", "SQS.SdkClientException")), (
        died
    )
    assert not any(floor.faults.values())
    mended = floor.reconcile()
    assert sum(mended.values()) == 1, mended
    second = intake.execution_name(first.rsplit("-", 1)[0], 2)
    course(trouble).finish(floor, second)
    return floor, first, second


def lose_the_last_word(engine: Engine) -> tuple[Floor, str]:
    """Let everything be done, and the execution die all the same."""
    floor = Floor(engine)
    floor.faults["Close inspection"].extend([Fault.ANSWER_LOST] * ATTEMPTS)
    return floor, floor.inspect()


def decide_between(engine: Engine) -> tuple[Floor, str, list[str]]:
    """Decide while the first execution is dead and the second not begun; also tell where the photo lay."""
    floor = Floor(engine, DOUBTFUL)
    floor.faults["Ask a reviewer"].extend([Fault.ANSWER_LOST] * ATTEMPTS)
    first = floor.notify(floor.upload())
    floor.until(lambda: floor.executions.status(first) == "FAILED")
    floor.deliveries_lost = True
    floor.decide(Verdict.DEFECT, first)
    places = floor.places()
    floor.reconcile()
    floor.decisions.sent.clear()
    floor.deliveries_lost = False
    floor.rest(floor.row(first).owner)
    return floor, first, places


def decide_after_the_death(engine: Engine) -> tuple[Floor, str]:
    """Decide while the execution is dead, and let the delivery find that out."""
    floor = Floor(engine, DOUBTFUL)
    floor.faults["Ask a reviewer"].extend([Fault.ANSWER_LOST] * ATTEMPTS)
    first = floor.notify(floor.upload())
    floor.until(lambda: floor.executions.status(first) == "FAILED")
    floor.decide(Verdict.DEFECT, first)
    floor.rest(floor.row(first).owner)
    return floor, first


def wake_an_abandoned_execution(engine: Engine) -> tuple[Floor, str, Inspection]:
    """Answer an execution whose photo belongs to the next one already; also tell how the row was before."""
    floor = Floor(engine, DOUBTFUL)
    lost = floor.inspect()
    following = floor.abandon(lost)
    floor.until(lambda: floor.waits(following) and len(floor.tokens.issued) == 2)
    before = floor.row(lost)
    assert floor.executions.succeed(floor.tokens.issued[0], {"decision_id": "x", "verdict": "ok"})
    floor.until(lambda: not floor.running(lost))
    return floor, lost, before


Story = Trouble | Callable[[Engine], Any]
Stories = dict[Story, Future[Any]]
TALES: tuple[Story, ...] = (
    lose_the_last_word,
    decide_between,
    decide_after_the_death,
    wake_an_abandoned_execution,
)


@pytest.fixture(scope="module")
def stories(engine: Engine, request: pytest.FixtureRequest) -> Iterator[Stories]:
    """All the stories of the tests that will run, begun at once: most of their time is waiting."""
    items = [item for item in request.session.items if item.path == request.path]
    troubles = [item.callspec.params["trouble"] for item in items if hasattr(item, "callspec")]
    with ThreadPoolExecutor(16) as pool:
        yield {
            **{tale: pool.submit(tale, engine) for tale in TALES},
            **{trouble: pool.submit(survive, engine, trouble) for trouble in troubles if trouble in PASSING},
            **{
                trouble: pool.submit(rise_again, engine, trouble) for trouble in troubles if trouble in DEADLY
            },
        }


@pytest.mark.parametrize("trouble", PASSING, ids=str)
def test_a_fault_that_passes_is_retried(stories: Stories, trouble: Trouble) -> None:
    floor, name = stories[trouble].result()

    assert floor.document(name)["filed"]
    assert floor.started() == [name]
    assert not any(floor.faults.values())
    floor.assert_filed(name, course(trouble).final)
    floor.assert_no_token_shows()


@pytest.mark.parametrize("trouble", DEADLY, ids=str)
def test_an_execution_that_dies_in_any_state_is_begun_again_and_nothing_is_lost(
    stories: Stories, trouble: Trouble
) -> None:
    floor, first, second = stories[trouble].result()

    assert floor.visited(first)[-1] == trouble.states[0]
    assert floor.document(second)["filed"]
    assert sorted(floor.started()) == [first, second]
    assert len(floor.model.seen) <= 1 or trouble.states == ("Detect labels",)
    assert len(floor.ledger.entries) == (floor.row(second).decision is not None)
    floor.assert_filed(second, course(trouble).final)
    floor.assert_no_token_shows()


def test_an_execution_that_dies_after_its_last_word_leaves_nothing_to_mend(stories: Stories) -> None:
    floor, name = stories[lose_the_last_word].result()

    assert floor.executions.status(name) == "FAILED"
    assert floor.reconcile() == {}
    floor.assert_filed(name, Verdict.OK)


def test_a_decision_between_two_executions_is_used_by_the_second(stories: Stories) -> None:
    floor, first, places = stories[decide_between].result()
    second = floor.row(first).owner

    assert places == [f"{FILED}/unclear/{first[:16]}/part.jpg"]
    assert first != second
    assert floor.visited(second)[-4:] == [
        "Ask a reviewer",
        "Move to reviewed verdict",
        "Announce verdict",
        "Close inspection",
    ]
    assert len(floor.ledger.entries) == 1
    floor.assert_filed(second, Verdict.DEFECT)


def test_the_delivery_to_a_dead_execution_begins_the_next_which_asks_nobody(stories: Stories) -> None:
    floor, first = stories[decide_after_the_death].result()
    second = floor.row(first).owner

    assert second != first
    assert floor.visited(second) == [
        "Claim upload",
        "Is the upload readable?",
        "Move to reviewed verdict",
        "Announce verdict",
        "Close inspection",
    ]
    assert len(floor.model.seen) == 1
    floor.assert_filed(second, Verdict.DEFECT)


def test_an_abandoned_execution_that_wakes_up_cannot_touch_the_photo(stories: Stories) -> None:
    floor, lost, before = stories[wake_an_abandoned_execution].result()

    assert floor.visited(lost)[-1] == "Move to reviewed verdict"
    assert (floor.executions.describe(lost) or {})["error"] == "OwnershipLost"
    assert floor.row(lost) == before
    assert (before.state, before.verdict) == (State.WAITING, Verdict.UNCLEAR)
    floor.decide(Verdict.OK, before.owner)
    floor.assert_filed(before.owner, Verdict.OK)


def test_each_execution_counts_its_own_retries_in_the_program_that_they_share(open_floor: Open) -> None:
    floor = open_floor(CLEAR_OK)

    for key in ("first.png", "second.png"):
        floor.faults["Claim upload"].extend([Fault.CRASHED] * (ATTEMPTS // 2 + 1))
        name = floor.inspect(key=key)
        assert (floor.row(name).state, floor.row(name).verdict) == (State.CLOSED, Verdict.OK)
