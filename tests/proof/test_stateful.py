"""The same world under hypothesis, which looks for the shortest history that breaks a promise."""

from contextlib import ExitStack
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.proof.histories import CHANCES, History

PEOPLE = st.sampled_from(("ann", "ben"))


class Line(RuleBasedStateMachine):
    """What may happen to a line, in any order; at the end there is peace, and every promise must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.history: Any = None
        self._stack = ExitStack()

    @initialize(seed=st.integers(0, 2**32), chance=st.sampled_from(CHANCES))
    def begin(self, seed: int, chance: float) -> None:
        self.history = History(seed, chance)
        self._stack.enter_context(self.history.world.at_its_own_time())

    @precondition(lambda self: len(self.history.promises.uploads) < 4)
    @rule()
    def a_photo_arrives(self) -> None:
        self.history.upload()

    @rule()
    def an_event_comes_again(self) -> None:
        self.history.doubled_event()

    @rule(who=PEOPLE)
    def a_person_decides(self, who: str) -> None:
        self.history.look_and_decide(who)

    @rule()
    def two_people_decide(self) -> None:
        self.history.both_at_once()

    @rule()
    def an_engineer_revises(self) -> None:
        self.history.revise()

    @rule()
    def the_clock_reconciles(self) -> None:
        self.history.world.reconcile()

    @rule()
    def the_model_pauses(self) -> None:
        self.history.model_pauses()

    @rule()
    def a_service_is_throttled(self) -> None:
        self.history.storm()

    @rule()
    def somebody_stops_an_execution(self) -> None:
        self.history.stop_an_execution()

    @rule()
    def somebody_redrives(self) -> None:
        self.history.redrive_what_failed()

    @rule()
    def the_engine_forgets(self) -> None:
        self.history.world.step_functions.forget()

    @rule(calls=st.integers(1, 60))
    def a_misfortune_is_near(self, calls: int) -> None:
        self.history.world.fate.doom = calls

    @rule(seconds=st.sampled_from((1, 20, 61, 900, 4000)))
    def time_passes(self, seconds: int) -> None:
        world = self.history.world
        world.run(world.seconds + seconds)

    def teardown(self) -> None:
        with self._stack:
            if self.history is not None:
                self.history.settle()


TestLine = Line.TestCase
TestLine.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
