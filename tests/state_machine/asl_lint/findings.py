"""The findings of the rules, and the registry of the rules."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from tests.state_machine.asl_lint.machine import Machine, State

Check = Callable[[Machine], Iterator["Violation"]]
AnyCheck = TypeVar("AnyCheck", bound=Check)


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule: its name, the state, a JSON pointer to the place, and a message."""

    rule: str
    state: str | None
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path or '/'}: {self.message} [{self.rule}]"


@dataclass(frozen=True, slots=True)
class Violation:
    """A finding without the name of its rule."""

    state: State | None
    path: str
    message: str


RULES: dict[str, Check] = {}


def rule(check: AnyCheck) -> AnyCheck:
    """Register a check under its name. Its docstring explains the rule's effect on AWS."""
    RULES[check.__name__.replace("_", "-")] = check
    return check


def violation(state: State, message: str, *steps: str | int) -> Violation:
    """Return a violation in one state, at the field that the steps lead to."""
    return Violation(state, state.at(*steps), message)
