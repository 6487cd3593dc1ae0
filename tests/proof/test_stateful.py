"""The simulation under hypothesis, which searches for the shortest history that violates an invariant."""

from contextlib import ExitStack
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.proof.random_histories import FAULT_PROBABILITIES, RandomHistory

REVIEWERS = st.sampled_from(("ann", "ben"))


class HistoryStateMachine(RuleBasedStateMachine):
    """All random events in any order. At the end no faults occur, and every invariant must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.history: Any = None
        self._stack = ExitStack()

    @initialize(seed=st.integers(0, 2**32), fault_probability=st.sampled_from(FAULT_PROBABILITIES))
    def begin(self, seed: int, fault_probability: float) -> None:
        self.history = RandomHistory(seed, fault_probability)
        self._stack.enter_context(self.history.simulation.simulated_runtime())

    @precondition(lambda self: len(self.history.invariants.uploads) < 4)
    @rule()
    def upload_a_photo(self) -> None:
        self.history.upload()

    @rule()
    def repeat_an_event(self) -> None:
        self.history.send_duplicate_event()

    @rule(reviewer=REVIEWERS)
    def review_a_photo(self, reviewer: str) -> None:
        self.history.review_photo(reviewer)

    @rule()
    def review_concurrently(self) -> None:
        self.history.review_concurrently()

    @rule()
    def revise_a_verdict(self) -> None:
        self.history.revise_verdict()

    @rule()
    def run_the_scheduled_reconciliation(self) -> None:
        self.history.simulation.reconcile()

    @rule()
    def pause_the_model(self) -> None:
        self.history.pause_model()

    @rule()
    def throttle_a_service(self) -> None:
        self.history.throttle_service()

    @precondition(lambda self: len(self.history.invariants.uploads) < 4)
    @rule()
    def leave_an_object(self) -> None:
        self.history.leave_object()

    @rule()
    def reconcile_everything(self) -> None:
        self.history.reconcile_everything()

    @rule()
    def stop_an_execution(self) -> None:
        self.history.stop_execution()

    @rule()
    def redrive_failed_inspections(self) -> None:
        self.history.redrive_failed()

    @rule()
    def lose_all_executions(self) -> None:
        self.history.simulation.step_functions.lose_executions()

    @rule(calls=st.integers(1, 60))
    def schedule_a_fault(self, calls: int) -> None:
        self.history.simulation.faults.calls_until_fault = calls

    @rule(seconds=st.sampled_from((1, 20, 61, 900, 4000)))
    def advance_the_time(self, seconds: int) -> None:
        simulation = self.history.simulation
        simulation.run_until(simulation.seconds + seconds)

    def teardown(self) -> None:
        with self._stack:
            if self.history is not None:
                self.history.settle()


TestHistories = HistoryStateMachine.TestCase
TestHistories.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
