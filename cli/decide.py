"""`partcheck decide` and `partcheck correct`: the person at the terminal."""

import getpass
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from cli import lookup
from cli.output import json_document, note, plural, safe
from cli.reach import Chosen, Reached
from cli.words import Words
from workflow.errors import Conflict
from workflow.inspections.inspection import Decision, Inspection
from workflow.inspections.serialization import verdict
from workflow.inspections.verdict import Verdict
from workflow.review import decisions, revision

MAX_REVIEWER = 100

F = TypeVar("F", bound=Callable[..., Any])
_ANSWERS = click.Choice([Verdict.OK.value, Verdict.DEFECT.value])
_class = click.option(
    "--class",
    "defect_class",
    default="",
    type=Words(decisions.MAX_DEFECT_CLASS, printable=True),
    help="What kind of defect it is.",
)


def _reviewer(does: str) -> Callable[[F], F]:
    return click.option(
        "--reviewer",
        default="",
        type=Words(MAX_REVIEWER, printable=True),
        help=f"Who {does}.  [default: the login name]",
    )


def _json(what: str) -> Callable[[F], F]:
    return click.option("--json", "as_json", is_flag=True, help=f"The {what} as one JSON document.")


@click.command()
@click.argument("image")
@click.argument("answer", metavar="ok|defect", type=_ANSWERS, required=False)
@click.option(
    "--reason",
    default="",
    type=Words(decisions.MAX_REASON),
    help="Why; kept with the decision and announced with the verdict.",
)
@_class
@_reviewer("decides")
@click.option("--undo", is_flag=True, help="Take your decision back, as long as it is not delivered.")
@_json("decision")
@click.pass_obj
def decide(
    chosen: Chosen,
    image: str,
    answer: str | None,
    reason: str,
    defect_class: str,
    reviewer: str,
    undo: bool,
    as_json: bool,
) -> None:
    """Decide a photo that waits: ok or defect.

    IMAGE is what `partcheck show` understands: the photo's name, its key, or the first digits of the id that
    `partcheck reviews` prints. The decision is kept with who took it and when, and cannot be lost. For some
    seconds `--undo` takes it back; then the line files the photo and announces the verdict.

    \b
    Examples:
      partcheck decide part-4711.jpg defect --class crack --reason "at the rim"
      partcheck decide part-4711.jpg --undo
    """
    if undo == (answer is not None):
        raise click.UsageError("say either ok or defect, or --undo")
    said = _verdict(answer, defect_class) if answer else None
    line, who = chosen.reach(), reviewer or login_name()
    if said is None:
        _take_back(line, image, who, as_json)
        return
    row = _choose(lookup.matches(line.ledger, image), image) or lookup.one(line.ledger, image)[0]
    made = decisions.decide(
        line.ledger,
        line.decisions,
        row.id,
        said,
        who,
        reason,
        defect_class=defect_class,
        undo_seconds=decisions.UNDO_SECONDS,
    )
    if as_json:
        json_document(_facts(row, made))
        return
    click.echo(safe(f"{row.image.key}: {made.verdict.value}, decided by {made.reviewer}."))
    note(f"The line files it in {decisions.UNDO_SECONDS} seconds: partcheck show {row.id[:12]}")


def _take_back(line: Reached, image: str, who: str, as_json: bool) -> None:
    row = _decided(lookup.matches(line.ledger, image), image, who) or lookup.one(line.ledger, image)[0]
    made = row.decision
    after = decisions.undo(line.ledger, row.id, made.id if made else "", who)
    if as_json and made is not None:
        json_document({**_facts(after, made), "undone": True})
        return
    click.echo(safe(f"{row.image.key}: {who} took the decision back; the photo waits again."))


@click.command()
@click.argument("image")
@click.argument("answer", metavar="ok|defect", type=_ANSWERS)
@click.option(
    "--reason",
    required=True,
    type=Words(decisions.MAX_REASON, needed=True),
    help="Why; kept with the correction and announced with it.",
)
@_class
@_reviewer("corrects")
@_json("correction")
@click.pass_obj
def correct(
    chosen: Chosen, image: str, answer: str, reason: str, defect_class: str, reviewer: str, as_json: bool
) -> None:
    """Overrule a verdict that was announced, the model's or a person's.

    The photo is moved, and another message announces the new verdict and names the one it corrects. What the
    verdict was before stays on record. A correction cannot be taken back: correct it again.

    \b
    Example:
      partcheck correct part-4711.jpg defect --reason "a crack runs under the reflection"
    """
    said = _verdict(answer, defect_class)
    line = chosen.reach()
    row = lookup.one(line.ledger, image)[0]
    after = revision.correct(
        line.ledger,
        line.decisions,
        row.id,
        said,
        reviewer or login_name(),
        reason,
        defect_class=defect_class,
    )
    if as_json and after.decision is not None:
        json_document({**_facts(after, after.decision), "revision": after.revision, "was": verdict(row)})
        return
    click.echo(safe(f"{row.image.key}: {answer} instead of {verdict(row)}, revision {after.revision}."))
    note(f"The line files and announces it now: partcheck show {row.id[:12]}")


def _verdict(answer: str, defect_class: str) -> Verdict:
    if defect_class and answer == Verdict.OK:
        raise click.BadParameter("only a defect has a class", param_hint="--class")
    return Verdict(answer)


def _facts(row: Inspection, made: Decision) -> dict[str, object]:
    return {
        "id": made.id,
        "inspection_id": row.id,
        "key": row.image.key,
        "verdict": made.verdict.value,
        "defect_class": made.defect_class,
        "reviewer": made.reviewer,
        "decided_at": made.decided_at,
        "release_at": made.release_at or None,
        "reason": made.reason,
    }


def _choose(found: Sequence[Inspection], text: str) -> Inspection | None:
    """The one inspection that can be decided; of several that cannot, none."""
    waiting = [row for row in found if row.open]
    if len(waiting) > 1:
        raise Conflict(_several(waiting, "waiting photo", text))
    if not waiting and len(found) > 1:
        newest = found[0]
        raise Conflict(
            f"None of {len(found)} inspections that match {text!r} waits for a decision "
            f"(the newest is {newest.state.value}, verdict {verdict(newest)})."
        )
    return waiting[0] if waiting else None


def _decided(found: Sequence[Inspection], text: str, who: str) -> Inspection | None:
    """The one inspection whose decision this reviewer can take back; of several without one, none."""
    own = [row for row in found if row.decision and row.decision.reviewer == who and not row.decision.sealed]
    if len(own) > 1:
        raise Conflict(_several(own, "fresh decision", text))
    if not own and len(found) > 1:
        raise Conflict(
            f"None of {len(found)} inspections that match {text!r} has a decision of {who} "
            "that can still be taken back."
        )
    return own[0] if own else None


def _several(rows: Sequence[Inspection], what: str, text: str) -> str:
    ids = ", ".join(row.id[:12] for row in rows)
    return f"{plural(len(rows), what)} match {text!r}: name one by its id ({ids})."


def login_name() -> str:
    """Who sits at this terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "terminal"
