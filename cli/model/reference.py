"""`partcheck model reference`: make the reference of a model, propose another one, approve it."""

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from cli.context import CliContext
from cli.execution.list import find_inspections
from cli.model.model_output import version_argument
from cli.model.reference_output import print_proposal, print_reference, warn_of_missing_reference
from cli.model_services import ModelServices, open_model_services, project_options
from cli.output import note, print_json
from cli.printed_command import printed_command
from cli.progress import Progress
from workflow import timestamps
from workflow.errors import ConfigurationError, NotFound
from workflow.history.search import InspectionQuery
from workflow.inspections.inspection import InspectionState
from workflow.inspections.model_reference import ModelReference
from workflow.models import reference_update
from workflow.models.model import ModelVersion
from workflow.models.reference_summary import reference_to_dict
from workflow.models.reference_update import ReferenceProposal
from workflow.plurals import pluralize

if TYPE_CHECKING:
    from datasets.labelled_photos import LabelledPhoto
    from datasets.references import MeasuredPhoto


@click.command()
@version_argument
@project_options
@click.option(
    "--update", is_flag=True, help="Propose a reference that adds the photos which people confirmed since."
)
@click.option("--approve", is_flag=True, help="Put the proposal of another person to use.")
@click.option("--reason", default="", help="With --update: why. Recorded with the proposal.")
@click.option("--json", "as_json", is_flag=True, help="Print the reference or proposal as one JSON document.")
@click.pass_obj
def reference(
    context: CliContext,
    version: str,
    project: str,
    bucket: str,
    update: bool,
    approve: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Make the reference of a model: how the photos look that it learned from.

    Photos that look otherwise are unusual, and a person decides them at any confidence. `partcheck model
    train` makes the reference. For an older model this command reads the photos of its training again.

    --update proposes a reference that adds the photos which people confirmed as ok or defect. It shows the
    ranges before and after, beside those of the first reference, and how many photos with a fault of the
    camera both references stop. Another person puts it to use with --approve.

    \b
    Examples:
      partcheck model reference
      partcheck model reference autumn --update --reason "new lamp on camera 2"
      partcheck model reference autumn --approve
    """
    if update and approve:
        raise click.UsageError("propose with --update, and let another person approve")
    if update and not reason.strip():
        raise ConfigurationError("--update needs a --reason")
    services = open_model_services(context, project, bucket)
    model = services.find_version(version)
    if update:
        result = _propose(services, model, reason.strip())
    elif approve:
        result = reference_update.approve(services.reference_store, model.arn).reference
        note(f"Model {model.name} uses this reference within a minute.")
    else:
        from datasets.references import learned_photos

        result = make_reference(services, model.arn, learned_photos(model))
    if as_json:
        print_json({"model": model.arn, "reference": reference_to_dict(result)})
    elif update:
        print_proposal(services.reference_store, model.arn)
        command = printed_command(f"model reference {shlex.quote(model.name)} --approve")
        note(f"Another person approves it with `{command}`.")
    else:
        print_reference(result)


def make_reference(services: ModelServices, arn: str, photos: Sequence["LabelledPhoto"]) -> ModelReference:
    """Make and store the reference of a model from the photos that it learned from."""
    from datasets import references

    result = references.make_reference(arn, _measure(photos), timestamps.now())
    reference_update.save(services.reference_store, result)
    return result


def _measure(photos: Sequence["LabelledPhoto"]) -> list["MeasuredPhoto"]:
    from datasets.references import measure_photos

    with Progress("Measuring learned photos", len(photos)) as progress:
        measured = measure_photos(photos, progress.show)
    if left_out := len(photos) - len(measured):
        verb = "is" if left_out == 1 else "are"
        note(f"Left out {pluralize(left_out, 'photo')} that {verb} gone or cannot be decoded.")
    return measured


def _propose(services: ModelServices, model: ModelVersion, reason: str) -> ModelReference:
    """Propose a reference of the photos of the training, and of all that people confirmed since."""
    from datasets import references

    store = services.reference_store
    first, current = store.first(model.arn), store.references.get(model.arn)
    if first is None or current is None:
        raise NotFound(warn_of_missing_reference(model.name))
    query = InspectionQuery(state=InspectionState.CLOSED, model=model.name, asked=True, since=first.made_at)
    rows = reference_update.select_confirmed(find_inspections(services.environment.search, query), model.arn)
    if not rows:
        raise NotFound(f"No person confirmed a photo of model {model.name} since {first.made_at}")
    learned = references.learned_photos(model)
    measured = _measure([*learned, *references.confirmed_photos(rows, services.environment.objects)])
    now = timestamps.now()
    proposed = references.make_reference(model.arn, measured, now)
    with Progress("Replaying the faults", references.REPLAYED_PHOTOS) as progress:
        faults = references.replay_faults(learned, current, proposed, progress.show)
    reference_update.propose(
        store,
        ReferenceProposal(
            model=model.arn,
            proposed_at=now,
            proposed_by=services.user,
            reason=reason,
            replaces=current.made_at,
            confirmed=reference_update.count_confirmed(rows),
            faults=faults,
            reference=proposed,
        ),
    )
    return proposed
