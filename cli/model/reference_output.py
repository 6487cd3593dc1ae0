"""A reference and a proposal for another one, as text."""

import shlex

import click

from cli.output import format_timestamp, note, print_table
from cli.printed_command import printed_command
from workflow.inspections.model_reference import ModelReference
from workflow.models.reference_summary import summarize_reference, summarize_stopped
from workflow.models.reference_update import ReferenceStore

SHARES = ("black_share", "white_share")


def warn_of_missing_reference(name: str) -> str:
    """Return the warning about a model without a reference, with the command that makes it."""
    return (
        f"Warning: Model {name} has no reference: unusual photos, such as black ones, are not recognised. "
        f"Make it with `{printed_command(f'model reference {shlex.quote(name)}')}`."
    )


def print_reference(reference: ModelReference | None) -> None:
    """Print a reference: photos and parts, the share of usual photos that it stops, and the ranges."""
    click.echo(f"Reference: {summarize_reference(reference)}")
    if reference is None:
        return
    click.echo(f"Out of fold, {summarize_stopped(reference)}")
    click.echo(f"Made {format_timestamp(reference.made_at)}, decoder version {reference.decoder_version}\n")
    rows = [(name, *_format_range(name, learned)) for name, learned in reference.ranges.items()]
    print_table(("measure", "learned from", "to"), rows, ("learned from", "to"))


def print_proposal(store: ReferenceStore, model: str) -> None:
    """Print the open proposal of a model, if there is one: the ranges, and the faults that are stopped."""
    proposal = store.updates.get_proposal(model)
    if proposal is None:
        return
    first, before = store.first(model), store.references.get(model)
    photos = ", ".join(f"{count} {verdict}" for verdict, count in sorted(proposal.confirmed.items()))
    click.echo(
        f"Proposed by {proposal.proposed_by} at {format_timestamp(proposal.proposed_at)}: {proposal.reason}"
    )
    click.echo(f"Photos confirmed by people: {photos}")
    click.echo(f"Reference: {summarize_reference(proposal.reference)}\n")
    columns = [reference.ranges if reference else {} for reference in (first, before, proposal.reference)]
    rows = [
        (
            name,
            *(" to ".join(_format_range(name, ranges[name])) if name in ranges else "" for ranges in columns),
        )
        for name in proposal.reference.ranges
    ]
    print_table(("measure", "first", "in use", "proposed"), rows)
    click.echo("\nPhotos with a fault of the camera that are stopped:\n")
    faults = [
        (
            fault.fault,
            str(fault.tried),
            str(fault.stopped_before),
            str(fault.stopped_after),
            "fewer" if fault.weakened else "",
        )
        for fault in proposal.faults
    ]
    print_table(("fault", "photos", "in use", "proposed", ""), faults, ("photos", "in use", "proposed"))
    if weakened := [fault.fault for fault in proposal.faults if fault.weakened]:
        note(f"Warning: the proposed reference stops fewer photos with these faults: {', '.join(weakened)}.")


def _format_range(name: str, learned: tuple[float, float]) -> tuple[str, str]:
    low, high = learned
    if name in SHARES:
        return f"{low:.1%}", f"{high:.1%}"
    return f"{low:.1f}", f"{high:.1f}"
