"""`partcheck model train`: train on a project's data sets, or on a folder of photos."""

import shlex
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import click

from cli.context import CliContext
from cli.dataset.import_photos import (
    import_split,
    read_split,
    refuse_leaks,
    report_listing,
    split_option,
    split_photos,
)
from cli.model.label_verdicts import resolve_verdicts, verdict_option
from cli.model.oddest_output import print_oddest
from cli.model.promote import promote_version
from cli.model.reference import make_reference
from cli.model.reference_output import warn_of_missing_reference
from cli.model_services import MAX_UNITS, ModelServices, open_model_services, project_options
from cli.output import format_duration, note, print_json_line
from cli.printed_command import printed_command
from workflow import timestamps
from workflow.errors import ConfigurationError, Conflict, PartcheckError
from workflow.models.model import (
    ModelKind,
    ModelStatus,
    ModelVersion,
    kind_of,
    version_name,
    wait_for_status,
)
from workflow.models.promotion import ModelAction, ModelEvent
from workflow.models.reference_summary import summarize_reference

if TYPE_CHECKING:
    from datasets.importing import TrainAndTest
    from datasets.labelled_photos import LabelledPhoto

TRAINING_TIMEOUT_SECONDS = 24 * 3600.0
FIRST_MODEL = "first model"


class NotPromoted(Conflict):
    """A trained model that is not put to use. The message has the objections."""

    def __init__(self, version: ModelVersion, objections: str) -> None:
        super().__init__(objections)
        self.version = version


@click.command()
@click.argument(
    "folder", required=False, type=click.Path(exists=True, file_okay=False, path_type=Path), default=None
)
@project_options
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in ModelKind]),
    default=ModelKind.CUSTOM_LABELS.value,
    show_default=True,
    help="Who trains the model and answers for it: Custom Labels, or partcheck's own classifier.",
)
@click.option("--name", default="", help="The model version's name.  [default: the time]")
@click.option("--wait/--no-wait", default=True, help="Wait until the training ends (at most a day).")
@split_option
@click.option("--replace", is_flag=True, help="With FOLDER: delete the project's data sets first.")
@click.option(
    "--units",
    type=click.IntRange(1, MAX_UNITS),
    help="With FOLDER: inference units.  [default: as many as the model in use has]",
)
@verdict_option
@click.option("--only-good", is_flag=True, help="With FOLDER: train nothing, list the oddest photos.")
@click.option("--force", is_flag=True, help="With FOLDER: put the model to use unseen. Needs --reason.")
@click.option("--reason", default="", help="Why. Recorded with the promotion.")
@click.option("--json", "as_json", is_flag=True, help="Print the model's ARN and status as one JSON object.")
@click.pass_obj
def train(
    context: CliContext,
    folder: Path | None,
    project: str,
    bucket: str,
    kind: str,
    name: str,
    wait: bool,
    split_directory: Path | None,
    replace: bool,
    units: int | None,
    verdicts: Sequence[tuple[str, str]],
    only_good: bool,
    force: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Train a model on a project's data sets, or on a FOLDER of photos.

    Without FOLDER it trains on the data sets that `partcheck dataset import` made. Ctrl-C does not stop the
    training; `partcheck model status NAME` shows its progress. On AWS a training takes half an hour to a day
    and costs US$1 an hour. While the service trains, the command measures the photos for the model's
    reference, by which unusual photos are recognised.

    --kind own trains on this machine and stores one file in the training bucket. The function that asks
    models loads it: such a model needs no start, and costs nothing while idle.

    With FOLDER, which has one folder of photos for each label, it imports the photos, trains a model, and
    puts it to use if no model is in use yet, and the training judged 30 parts of each label that the model
    did not learn from. Otherwise the new model must pass the same comparison as with `partcheck model
    promote`. --force puts it to use at once. The label `ok` means sound parts, others mean defects. If a name
    does not say it for certain (`good_light`), the command asks before it imports, or fails without a
    terminal; --verdict names it.

    With --only-good, FOLDER needs no defects: the command lists the photos that are furthest from the good
    ones, to find the first defects to label. It trains and files nothing.

    \b
    Examples: photos/ok/*.jpg and photos/scratch/*.jpg
      partcheck model train photos/
      partcheck model train --name autumn --no-wait
      partcheck model train --kind own --name winter
    """
    if kind == ModelKind.OWN and not wait:
        raise click.UsageError("--no-wait needs --kind custom-labels: this machine trains own models")
    if folder is not None and not wait:
        raise ConfigurationError(
            "--no-wait needs data sets: import the folder first, then train without FOLDER"
        )
    if folder is None and (replace or units or verdicts or split_directory or force or only_good):
        raise click.UsageError(
            "--replace, --split, --units, --verdict, --only-good and --force need a FOLDER"
        )
    if folder is not None and only_good:
        print_oddest(folder, as_json)
        return
    if force and not reason.strip():
        raise ConfigurationError("--force needs a --reason")
    services = open_model_services(context, project, bucket)
    if folder is not None:
        sides = (
            refuse_leaks(read_split(folder, split_directory)) if split_directory else _split_folder(folder)
        )
        try:
            version = train_and_promote(
                services,
                sides,
                kind=ModelKind(kind),
                name=name,
                replace=replace,
                units=units or 0,
                verdicts=dict(verdicts),
                forced_because=reason if force else "",
            )
        except NotPromoted as error:
            _print_result(error.version.arn, error.version.status, as_json)
            raise
        arn, status = version.arn, version.status
    else:
        arn = _start_training(services, name, ModelKind(kind))
        _make_reference(services, arn)
        status = _wait_for_training(services, arn).status if wait else ModelStatus.TRAINING_IN_PROGRESS
    _print_result(arn, status, as_json)


def _split_folder(folder: Path) -> "TrainAndTest":
    from datasets.labelled_photos import photos_from_folder

    return split_photos(photos_from_folder(folder, report_listing))


def _print_result(arn: str, status: ModelStatus, as_json: bool) -> None:
    if as_json:
        print_json_line({"model": arn, "status": status.value})
    else:
        click.echo(arn)


def train_and_promote(
    services: ModelServices,
    sides: "TrainAndTest",
    *,
    kind: ModelKind = ModelKind.CUSTOM_LABELS,
    name: str = "",
    replace: bool = False,
    units: int = 0,
    verdicts: Mapping[str, str] = MappingProxyType({}),
    forced_because: str = "",
) -> ModelVersion:
    """Import training and test photos, train a model, and put it to use. Return the running model.

    The new model must pass the promotion gate, unless `forced_because` gives a reason to skip it. Raise
    NotPromoted with the objections; the new model stays trained then. Each step can be repeated after an
    interruption.
    """
    labels = {photo.label for photos in sides for photo in photos}
    # An invalid policy is rejected, and a guess is asked about, before the training.
    verdicts = resolve_verdicts(services.settings.get_routing_policy(), labels, verdicts)
    import_split(services, sides, replace)
    arn = _start_training(services, name, kind)
    _make_reference(services, arn, sides[0])
    version = _wait_for_training(services, arn)
    reason = forced_because or ("" if services.settings.get_model() else FIRST_MODEL)
    try:
        promote_version(
            services,
            version,
            reason=reason,
            force=bool(forced_because),
            labels=labels,
            units=units,
            verdicts=verdicts,
        )
    except Conflict as error:
        note(
            f"Model {version.name} is trained, but not in use: "
            f"see `{printed_command('model promote --help')}`."
        )
        raise NotPromoted(version, str(error)) from error
    note(f"Model {version.name} judges every photo from now on.")
    return services.find_version(version.arn)


def _start_training(services: ModelServices, name: str, kind: ModelKind) -> str:
    """Start the training of a model and record it; return the ARN. An own model is trained then."""
    name = name or f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}"
    project_arn = services.models.get_project_arn(services.project)
    if project_arn is None:
        raise ConfigurationError(
            f"There is no project {services.project}: import photos into it first, "
            f"with `{printed_command('dataset import FOLDER')}`"
        )
    if any(version.name == name for version in services.models.list_versions(services.project)):
        raise ConfigurationError(
            f"Project {services.project} has a model {name} already: choose another --name"
        )
    note(f"Training model {name} …")
    if kind is ModelKind.OWN:
        arn = _train_own_model(services, name)
    else:
        prefix = f"{services.project}/evaluation/{name}"
        arn = services.models.train(project_arn, name, services.bucket, prefix)
    services.event_log.add(
        ModelEvent(at=timestamps.now(), actor=services.user, action=ModelAction.TRAIN, after=arn)
    )
    return arn


def _train_own_model(services: ModelServices, name: str) -> str:
    from datasets.own_training import train_own_model
    from datasets.project_datasets import ProjectDatasets

    project = ProjectDatasets(services.models, services.project, time.sleep)
    return train_own_model(project, name, services.bucket, services.models.own, note)


def _make_reference(
    services: ModelServices, arn: str, photos: "Sequence[LabelledPhoto] | None" = None
) -> None:
    """Make the model's reference while the service trains. Without photos, those of the project are read.

    A failure ends no training: without a reference the model works, and the command says so.
    """
    from datasets.project_datasets import ProjectDatasets
    from datasets.references import training_photos

    try:
        if photos is None:
            photos = training_photos(ProjectDatasets(services.models, services.project, time.sleep))
        reference = make_reference(services, arn, photos)
    except PartcheckError as error:
        note(f"{error}. {warn_of_missing_reference(version_name(arn))}")
    else:
        note(f"Reference: {summarize_reference(reference)}.")


def _wait_for_training(services: ModelServices, arn: str) -> ModelVersion:
    if kind_of(arn) is ModelKind.OWN:
        return services.find_version(arn)
    last_message = ""

    def print_message(version: ModelVersion, seconds: float) -> None:
        nonlocal last_message
        if version.message and version.message != last_message:
            note(f"{format_duration(seconds)}: {version.message}")
            last_message = version.message

    try:
        return wait_for_status(
            services.models,
            arn,
            ModelStatus.TRAINING_COMPLETED,
            clock=services.registry.clock,
            timeout=TRAINING_TIMEOUT_SECONDS,
            on_poll=print_message,
        )
    except KeyboardInterrupt:
        progress = printed_command(f"model status {shlex.quote(version_name(arn))}")
        note(f"The training continues; `{progress}` shows its progress.")
        raise
