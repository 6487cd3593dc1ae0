"""Arguments, options and JSON output that the commands about decisions share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from cli.text_param import TextParam
from workflow.inspections.inspection import Decision, Inspection
from workflow.inspections.verdict import Verdict
from workflow.review import decisions

MAX_REVIEWER_LENGTH = 100

F = TypeVar("F", bound=Callable[..., Any])


def decision_options(
    action: str, content: str, *, reason_help: str, is_reason_required: bool = False
) -> Callable[[F], F]:
    """Return the arguments and options of a command that stores a decision.

    `action` completes the help text "Who …", and `content` "Print the … as one JSON document".
    """
    class_type = TextParam(decisions.MAX_DEFECT_CLASS_LENGTH, printable=True)
    reason_settings: dict[str, Any] = {"required": True} if is_reason_required else {"default": ""}
    reason_settings["type"] = TextParam(decisions.MAX_REASON_LENGTH, required=is_reason_required)
    options = (
        click.argument("image"),
        click.argument(
            "verdict", metavar="ok|defect", type=click.Choice([Verdict.OK.value, Verdict.DEFECT.value])
        ),
        click.option("--reason", help=reason_help, **reason_settings),
        click.option(
            "--class", "defect_class", default="", type=class_type, help="The kind of defect, such as crack."
        ),
        reviewer_option(action),
        json_option(content),
    )

    def add_options(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add_options


def reviewer_option(action: str) -> Callable[[F], F]:
    """Return the option --reviewer. `action` completes the help text: "Who …"."""
    return click.option(
        "--reviewer",
        default="",
        type=TextParam(MAX_REVIEWER_LENGTH, printable=True),
        help=f"Who {action}.  [default: the login name]",
    )


def json_option(content: str) -> Callable[[F], F]:
    """Return the option --json for a command that prints one document."""
    return click.option("--json", "as_json", is_flag=True, help=f"Print the {content} as one JSON document.")


def parse_verdict(verdict: str, defect_class: str) -> Verdict:
    """Return the verdict. Raise BadParameter if a sound part is given a defect class."""
    if defect_class and verdict == Verdict.OK:
        raise click.BadParameter("only a defect has a class", param_hint="--class")
    return Verdict(verdict)


def decision_to_dict(row: Inspection, decision: Decision) -> dict[str, object]:
    """Return a decision as plain JSON."""
    return {
        "id": decision.id,
        "inspection_id": row.id,
        "key": row.image.key,
        "verdict": decision.verdict.value,
        "defect_class": decision.defect_class,
        "reviewer": decision.reviewer,
        "decided_at": decision.decided_at,
        "release_at": decision.effective_at or None,
        "reason": decision.reason,
    }
