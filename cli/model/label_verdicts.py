"""The option that maps labels to verdicts, and the question about labels whose verdict would be a guess."""

import shlex
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

import click

from cli.output import escape_unprintable, note
from workflow.errors import ConfigurationError
from workflow.inspections.default_label_rules import guess_verdicts
from workflow.inspections.verdict import Verdict

MAPPED = (Verdict.OK.value, Verdict.DEFECT.value)


class LabelVerdictParam(click.ParamType[tuple[str, str]]):
    """A label and its verdict, as `LABEL=ok` or `LABEL=defect`."""

    name = "label=verdict"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Return label and verdict. Raise BadParameter for another verdict."""
        label, _, verdict = str(value).rpartition("=")
        if not label or verdict not in MAPPED:
            self.fail(f"{value!r} is not LABEL=ok or LABEL=defect", param, ctx)
        return label, verdict


def verdict_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --verdict to a command."""
    return click.option(
        "--verdict",
        "verdicts",
        type=LabelVerdictParam(),
        metavar="LABEL=ok|defect",
        multiple=True,
        help="The verdict that a label means. Repeat it for each label.",
    )(command)


def resolve_verdicts(policy: str, labels: Collection[str], named: Mapping[str, str]) -> dict[str, str]:
    """Return the named verdicts and, if a person at the terminal agrees, the guessed ones.

    Raise ConfigurationError if a named label does not exist, or if a verdict is a guess and there is no
    terminal.
    """
    if unknown := sorted(named.keys() - set(labels)):
        raise ConfigurationError(f"--verdict names {unknown[0]!r}, but the labels are {sorted(labels)}")
    guessed = guess_verdicts(policy, labels, named)
    if not guessed:
        return dict(named)
    mapping = escape_unprintable(", ".join(f"{label} = {verdict}" for label, verdict in guessed.items()))
    if not is_interactive():
        options = " ".join(shlex.join(["--verdict", f"{label}={guessed[label]}"]) for label in guessed)
        raise ConfigurationError(
            f"The names of these labels do not say their verdict for certain, as in {mapping}: "
            f"name it, as in {options}"
        )
    note(f"The names of these labels do not say their verdict for certain: {mapping}")
    click.confirm("Is this mapping right?", abort=True, err=True)
    return {**guessed, **named}


def is_interactive() -> bool:
    """Return True if a person can answer questions."""
    return sys.stdin.isatty()
