"""Recovery: calls that fail temporarily, and executions that fail in any state."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from tests.crafted import noisy_png
from tests.state_machine.engine import Engine
from tests.state_machine.in_memory_environment import (
    CLEAR_DEFECT,
    CLEAR_OK,
    FILED,
    PHOTO,
    UNCLEAR,
    Answer,
    Fault,
    InMemoryEnvironment,
)
from workflow import state_machine_definition
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.verdict import Verdict
from workflow.pipeline import executions

TASKS = [
    name
    for name, state in json.loads(state_machine_definition.read_definition())["States"].items()
    if state["Type"] == "Task"
]
TOKEN_WAITS = ("Ask a reviewer", "Wait for the model")
ATTEMPTS = 7  # the first attempt and the six retries of every state
SHORT_SECONDS = 2

EnvironmentFactory = Callable[..., InMemoryEnvironment]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A path through the state machine. With `overdue` no reviewer takes the first review round.

    With `parked` the model is stopped at first.
    """

    final: Verdict
    content: bytes = PHOTO
    answer: Answer = UNCLEAR
    overdue: bool = False
    parked: bool = False

    def create_environment(self, engine: Engine) -> InMemoryEnvironment:
        """Create an environment for this scenario."""
        seconds = SHORT_SECONDS if self.overdue else 3600
        return InMemoryEnvironment(engine, self.answer, review=seconds, stopped_first=self.parked)

    def finish(self, environment: InMemoryEnvironment, name: str) -> None:
        """Wait until the execution ends, and decide when the scenario allows it."""

        def may_decide() -> bool:
            return environment.is_waiting(name) and (not self.overdue or environment.is_escalated(name))

        environment.wait_until(lambda: not environment.is_running(name) or may_decide())
        if environment.is_running(name):
            environment.decide(self.final, name)


CLEAR = Scenario(final=Verdict.OK, answer=CLEAR_OK)
REVIEWED = Scenario(final=Verdict.DEFECT)
SCENARIOS = {
    "Move to defect": Scenario(final=Verdict.DEFECT, answer=CLEAR_DEFECT),
    "Move to rejected": Scenario(final=Verdict.REJECTED, content=b"no photo"),
    "Wait for the model": Scenario(final=Verdict.OK, answer=CLEAR_OK, parked=True),
    "Move to unclear": REVIEWED,
    "Ask a reviewer": REVIEWED,
    "Escalate review": Scenario(final=Verdict.DEFECT, overdue=True),
    "Move to reviewed verdict": REVIEWED,
}


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """A fault in some states, a number of times in a row."""

    states: tuple[str, ...]
    fault: Fault
    times: int

    def __str__(self) -> str:
        return f"{' and '.join(self.states)} {self.fault.value}"


TRANSIENT = [
    *(
        InjectedFault(("Claim upload", "Detect labels", "Move to ok", "Announce verdict"), fault, 1)
        for fault in Fault
    ),
    *(
        InjectedFault(
            ("Move to unclear", "Ask a reviewer", "Move to reviewed verdict", "Close inspection"), fault, 1
        )
        for fault in Fault
    ),
    *(InjectedFault(("Escalate review",), fault, 2) for fault in Fault),
    *(InjectedFault(("Wait for the model",), fault, 1) for fault in Fault),
]
FATAL = [
    InjectedFault((state,), fault, ATTEMPTS)
    for state in TASKS
    for fault in (Fault.CRASHED, Fault.RESPONSE_LOST)
    if (state, fault) != ("Close inspection", Fault.RESPONSE_LOST)  # all work is done then
]


def scenario_of(injected: InjectedFault) -> Scenario:
    return next((SCENARIOS[state] for state in injected.states if state in SCENARIOS), CLEAR)


def inspect_with_fault(engine: Engine, injected: InjectedFault) -> tuple[InMemoryEnvironment, str]:
    """Inspect one photo with a fault, as far as its first execution gets."""
    environment = scenario_of(injected).create_environment(engine)
    for state in injected.states:
        environment.faults[state].extend([injected.fault] * injected.times)
    name = environment.send_upload_event(environment.upload(scenario_of(injected).content))
    if injected.fault is Fault.RESPONSE_LOST and injected.states[0] in TOKEN_WAITS and injected.times > 1:
        # A reviewer could decide before this execution fails, and the capacity manager could wake it.
        environment.stopped_first = False
        environment.wait_until(lambda: not environment.is_running(name))
        environment.stopped_first = scenario_of(injected).parked
    else:
        scenario_of(injected).finish(environment, name)
    return environment, name


def inspect_with_restart(engine: Engine, injected: InjectedFault) -> tuple[InMemoryEnvironment, str, str]:
    """Inspect one photo whose first execution fails, and finish it in the restarted execution."""
    environment, first = inspect_with_fault(engine, injected)
    failed = environment.executions.describe(first) or {}
    assert (failed["status"], failed["error"]) in (
        ("FAILED", "Crash"),
        ("FAILED", "SQS.SdkClientException"),
    ), failed
    assert not any(environment.faults.values())
    repairs = environment.reconcile()
    assert sum(repairs.values()) == 1, repairs
    second = executions.execution_name(first.rsplit("-", 1)[0], 2)
    scenario_of(injected).finish(environment, second)
    return environment, first, second


def fail_after_closing(engine: Engine) -> tuple[InMemoryEnvironment, str]:
    """Let the execution fail after all its work is done."""
    environment = InMemoryEnvironment(engine)
    environment.faults["Close inspection"].extend([Fault.RESPONSE_LOST] * ATTEMPTS)
    return environment, environment.inspect()


def decide_between_executions(engine: Engine) -> tuple[InMemoryEnvironment, str, list[str]]:
    """Decide between two executions. Also return the photo's location at that time."""
    environment = InMemoryEnvironment(engine, UNCLEAR)
    environment.faults["Ask a reviewer"].extend([Fault.RESPONSE_LOST] * ATTEMPTS)
    first = environment.send_upload_event(environment.upload())
    environment.wait_until(lambda: environment.executions.get_status(first) == "FAILED")
    environment.deliveries_dropped = True
    environment.decide(Verdict.DEFECT, first)
    paths = environment.object_paths()
    environment.reconcile()
    environment.decisions.sent.clear()
    environment.deliveries_dropped = False
    environment.run_until_idle(environment.row(first).owner)
    return environment, first, paths


def decide_after_a_failure(engine: Engine) -> tuple[InMemoryEnvironment, str]:
    """Decide after the execution failed, and let the delivery detect that."""
    environment = InMemoryEnvironment(engine, UNCLEAR)
    environment.faults["Ask a reviewer"].extend([Fault.RESPONSE_LOST] * ATTEMPTS)
    first = environment.send_upload_event(environment.upload())
    environment.wait_until(lambda: environment.executions.get_status(first) == "FAILED")
    environment.decide(Verdict.DEFECT, first)
    environment.run_until_idle(environment.row(first).owner)
    return environment, first


def resume_a_replaced_execution(engine: Engine) -> tuple[InMemoryEnvironment, str, Inspection]:
    """Complete an execution whose photo the next one owns. Also return the row before that."""
    environment = InMemoryEnvironment(engine, UNCLEAR)
    lost = environment.inspect()
    following = environment.start_next_attempt(lost)
    environment.wait_until(
        lambda: environment.is_waiting(following) and len(environment.task_tokens.issued) == 2
    )
    before = environment.row(lost)
    assert environment.executions.complete_task(
        environment.task_tokens.issued[0], {"decision_id": "x", "verdict": "ok"}
    )
    environment.wait_until(lambda: not environment.is_running(lost))
    return environment, lost, before


Case = InjectedFault | Callable[[Engine], Any]
CaseFutures = dict[Case, Future[Any]]
SPECIAL_CASES: tuple[Case, ...] = (
    fail_after_closing,
    decide_between_executions,
    decide_after_a_failure,
    resume_a_replaced_execution,
)


@pytest.fixture(scope="module")
def cases(engine: Engine, request: pytest.FixtureRequest) -> Iterator[CaseFutures]:
    """Start the cases of all selected tests in parallel: most of their time is waiting."""
    items = [item for item in request.session.items if item.path == request.path]
    injected_faults = [item.callspec.params["injected"] for item in items if hasattr(item, "callspec")]
    with ThreadPoolExecutor(16) as pool:
        yield {
            **{case: pool.submit(case, engine) for case in SPECIAL_CASES},
            **{
                injected: pool.submit(inspect_with_fault, engine, injected)
                for injected in injected_faults
                if injected in TRANSIENT
            },
            **{
                injected: pool.submit(inspect_with_restart, engine, injected)
                for injected in injected_faults
                if injected in FATAL
            },
        }


@pytest.mark.parametrize("injected", TRANSIENT, ids=str)
def test_a_transient_fault_is_retried(cases: CaseFutures, injected: InjectedFault) -> None:
    environment, name = cases[injected].result()

    assert environment.output_of(name)["filed"]
    assert environment.execution_names() == [name]
    assert not any(environment.faults.values())
    environment.assert_filed(name, scenario_of(injected).final)
    environment.assert_no_token_leaks()


@pytest.mark.parametrize("injected", FATAL, ids=str)
def test_an_execution_that_fails_in_any_state_is_restarted_and_loses_nothing(
    cases: CaseFutures, injected: InjectedFault
) -> None:
    environment, first, second = cases[injected].result()

    assert environment.visited_states(first)[-1] == injected.states[0]
    assert environment.output_of(second)["filed"]
    assert sorted(environment.execution_names()) == [first, second]
    assert len(environment.detector.seen) <= 1 or injected.states == ("Detect labels",)
    assert len(environment.inspections.entries) == (environment.row(second).decision is not None)
    environment.assert_filed(second, scenario_of(injected).final)
    environment.assert_no_token_leaks()


def test_an_execution_that_fails_after_closing_needs_no_repair(cases: CaseFutures) -> None:
    environment, name = cases[fail_after_closing].result()

    assert environment.executions.get_status(name) == "FAILED"
    assert environment.reconcile() == {}
    environment.assert_filed(name, Verdict.OK)


def test_a_decision_between_two_executions_is_used_by_the_second(cases: CaseFutures) -> None:
    environment, first, paths = cases[decide_between_executions].result()
    second = environment.row(first).owner

    assert paths == [f"{FILED}/unclear/{first[:16]}/part.jpg"]
    assert first != second
    assert environment.visited_states(second)[-4:] == [
        "Ask a reviewer",
        "Move to reviewed verdict",
        "Announce verdict",
        "Close inspection",
    ]
    assert len(environment.inspections.entries) == 1
    environment.assert_filed(second, Verdict.DEFECT)


def test_the_delivery_to_a_failed_execution_restarts_it_without_a_review(cases: CaseFutures) -> None:
    environment, first = cases[decide_after_a_failure].result()
    second = environment.row(first).owner

    assert second != first
    assert environment.visited_states(second) == [
        "Claim upload",
        "Is the upload readable?",
        "Move to reviewed verdict",
        "Announce verdict",
        "Close inspection",
    ]
    assert len(environment.detector.seen) == 1
    environment.assert_filed(second, Verdict.DEFECT)


def test_a_replaced_execution_that_resumes_cannot_change_the_photo(cases: CaseFutures) -> None:
    environment, lost, before = cases[resume_a_replaced_execution].result()

    assert environment.visited_states(lost)[-1] == "Move to reviewed verdict"
    assert (environment.executions.describe(lost) or {})["error"] == "OwnershipLost"
    failures = [
        event for event in environment.executions.get_history(lost) if event["type"] == "LambdaFunctionFailed"
    ]
    assert len(failures) == 1, "a lost photo is not retried"
    assert environment.row(lost) == before
    assert (before.state, before.verdict) == (InspectionState.WAITING, Verdict.UNCLEAR)
    environment.decide(Verdict.OK, before.owner)
    environment.assert_filed(before.owner, Verdict.OK)


def test_a_throttled_function_is_called_until_it_has_room(create_environment: EnvironmentFactory) -> None:
    environment = create_environment(UNCLEAR)
    for state in ("Detect labels", "Ask a reviewer"):
        environment.faults[state].extend([Fault.THROTTLED] * (ATTEMPTS + 1))

    name = environment.inspect()
    environment.decide(Verdict.OK, name)

    environment.assert_filed(name, Verdict.OK)
    assert environment.execution_names() == [name]


def test_each_execution_counts_its_own_retries_in_the_shared_definition(
    create_environment: EnvironmentFactory,
) -> None:
    environment = create_environment(CLEAR_OK)

    for key in ("first.png", "second.png"):
        environment.faults["Claim upload"].extend([Fault.CRASHED] * (ATTEMPTS // 2 + 1))
        name = environment.inspect(noisy_png(key), key)
        assert (environment.row(name).state, environment.row(name).verdict) == (
            InspectionState.CLOSED,
            Verdict.OK,
        )
