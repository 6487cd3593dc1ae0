"""What a rule says about a state machine, and the list in which every rule stands."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from tests.state_machine.asl_lint.machine import Machine, State

Check = Callable[[Machine], Iterator["Flaw"]]
AnyCheck = TypeVar("AnyCheck", bound=Check)


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: its name, the state it stands in, a JSON pointer to it, and what is wrong."""

    rule: str
    state: str | None
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or '/'}: {self.message} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class Flaw:
    """A finding before it knows the name of its rule."""

    state: State | None
    path: str
    message: str


RULES: dict[str, Check] = {}


def rule(check: AnyCheck) -> AnyCheck:
    """Register a check under its own name; its docstring says why it matters on AWS."""
    RULES[check.__name__.replace("_", "-")] = check
    return check


def flaw(state: State, message: str, *steps: str | int) -> Flaw:
    """A flaw in one state, at the field that the steps lead to."""
    return Flaw(state, state.at(*steps), message)
