"""`partcheck demo`: the whole product on generated parts."""

import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.context import CliContext, display_path, open_environment
from cli.inspect import UploadResult, print_verdicts, upload_photos, wait_for_verdicts
from cli.local_environment import choose_ports
from cli.output import escape_unprintable, format_counts, format_duration, note, print_json
from cli.photo_paths import PhotoToUpload
from cli.printed_command import command_path
from cli.progress import Progress
from cli.sample_model import train_and_promote_sample_model
from cli.verdict_polling import count_verdicts
from workflow.errors import ConfigurationError
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import InspectionId
from workflow.inspections.serialization import to_dict, verdict_or_status
from workflow.inspections.verdict import Verdict
from workflow.plurals import pluralize

if TYPE_CHECKING:
    from local.ports import Ports
    from local.sample_parts import SamplePart

TRAINING_SEED, NEW_SEED = 1, 2
TIMEOUT_SECONDS = 600
FAULTS_SEED, CAMERA_FAULT = 3, "camera fault"
MARKER, PHOTOS_DIRECTORY, KEY_PREFIX = "only-for-the-demo", "new-photos", "line-1"


@click.command()
@click.option("--keep", is_flag=True, help="Keep the environment running until Ctrl-C.")
@click.option(
    "--train",
    "training_count",
    type=click.IntRange(40, 2000),
    default=160,
    show_default=True,
    help="Parts to train on.",
)
@click.option(
    "--photos",
    "photo_count",
    type=click.IntRange(1, 2000),
    default=40,
    show_default=True,
    help="New parts to inspect.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the verdicts and figures as one JSON document.")
@click.pass_obj
def demo(context: CliContext, keep: bool, training_count: int, photo_count: int, as_json: bool) -> None:
    """Train a model on generated parts, inspect new ones, and print the verdicts.

    Generates photos of sound and faulty cast parts and trains a model on them. Then uploads photos of other
    parts, and four photos with a fault of the camera, such as a black one. Prints each verdict and how many
    were right. Uses a state directory of its own, `demo` within
    --state-dir, and empties it first. Uses free ports if the default ones are taken.

    \b
    Examples:
      partcheck demo
      partcheck demo --keep
    """
    from local import settings
    from local.environment import LocalEnvironment

    started = time.monotonic()
    directory = settings.resolve_state_dir(context.state_dir) / "demo"
    ports = choose_ports(context.port)
    _empty_directory(directory, ports)
    photos_directory = directory / PHOTOS_DIRECTORY
    training, truth = _generate_parts(training_count, photo_count, photos_directory)
    truth |= _generate_camera_faults(photos_directory)
    with LocalEnvironment(directory, ports, report=note) as local:
        environment = open_environment(local.outputs, local.sdk_environment)
        local.retry(lambda: train_and_promote_sample_model(environment, training))
        trained = time.monotonic()
        photos = [PhotoToUpload(photos_directory / name, f"{KEY_PREFIX}/{name}") for name in truth]
        uploads = upload_photos(environment.inbox, photos)
        rows = wait_for_verdicts(environment, uploads, TIMEOUT_SECONDS)
        ended = time.monotonic()
        note(f"Inspected in {format_duration(ended - trained)}, {format_duration(ended - started)} in total.")
        if as_json:
            print_json(_to_dict(uploads, rows, truth))
        else:
            print_verdicts(uploads, rows)
            _print_summary(uploads, rows, truth, photos_directory)
            default_ports = settings.resolve_ports()
            port_option = "" if ports == default_ports else f" --port {ports.aws}"
            _print_next_commands(directory, local.review_app_url, rows, port_option, keep=keep)
        if keep:
            note("\nThe environment is running. Ctrl-C stops it.")
            local.wait()
        note("Stopping …")
    if len(rows) < len(uploads):
        click.get_current_context().exit(1)


def _empty_directory(directory: Path, ports: "Ports") -> None:
    """Empty the state directory. Raise ConfigurationError if it is in use or does not belong to a demo."""
    from local.lock import lock_state_dir

    entries = {entry.name for entry in directory.iterdir()} if directory.is_dir() else set()
    if entries - {"lock", ".gitignore"} and MARKER not in entries:
        raise ConfigurationError(
            f"{display_path(directory)} does not belong to a demo, which would empty it: "
            "choose another --state-dir"
        )
    with lock_state_dir(directory, ports):
        (directory / MARKER).touch()
        for entry in directory.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name not in (MARKER, "lock"):
                entry.unlink()


def _generate_parts(
    training_count: int, photo_count: int, directory: Path
) -> tuple[list["SamplePart"], dict[str, str]]:
    """Return the training parts, and the true label of each new photo that is written to the directory."""
    from local.sample_parts import generate_parts

    training: list[SamplePart] = []
    truth: dict[str, str] = {}
    directory.mkdir()
    with Progress("Generating photos of parts", training_count + photo_count) as progress:
        for part in generate_parts(training_count, TRAINING_SEED):
            training.append(part)
            progress.show(len(training))
        for part in generate_parts(photo_count, NEW_SEED):
            (directory / part.name).write_bytes(part.content)
            truth[part.name] = part.label
            progress.show(training_count + len(truth))
    return training, truth


def _generate_camera_faults(directory: Path) -> dict[str, str]:
    """Write a photo of a defective part with each fault of the camera. Return CAMERA_FAULT by photo."""
    from local.sample_parts import DefectKind, SampleProduct, encode_jpeg, photograph_part
    from vision.camera_faults import apply_fault, defocus, dim, paint_uniform_grey

    part = encode_jpeg(photograph_part(FAULTS_SEED, DefectKind.CRACK))
    photos = {
        "camera_lamp_off.jpeg": apply_fault(part, paint_uniform_grey(0)),
        "camera_lamp_quarter.jpeg": apply_fault(part, dim(0.25)),
        "camera_out_of_focus.jpeg": apply_fault(part, defocus(4)),
        "camera_other_product.jpeg": encode_jpeg(
            photograph_part(FAULTS_SEED, DefectKind.CRACK, SampleProduct.GEAR)
        ),
    }
    for name, content in photos.items():
        (directory / name).write_bytes(content)
    return dict.fromkeys(photos, CAMERA_FAULT)


def _count_confident(rows: Mapping[InspectionId, Inspection], truth: Mapping[str, str]) -> tuple[int, int]:
    """Return how many verdicts the model gave without a reviewer, and how many of them were right."""
    confident = [
        row for row in rows.values() if row.verdict in (Verdict.OK, Verdict.DEFECT) and not row.decision
    ]
    return len(confident), sum(truth[row.image.name] == verdict_or_status(row) for row in confident)


def _to_dict(
    uploads: Sequence[UploadResult], rows: Mapping[InspectionId, Inspection], truth: Mapping[str, str]
) -> dict[str, object]:
    confident, right = _count_confident(rows, truth)
    pending = len(uploads) - len(rows)
    return {
        "photos": [
            {**to_dict(rows[upload.id], upload.at), "truth": truth[upload.photo.path.name]}
            for upload in uploads
            if upload.id in rows
        ],
        "verdicts": dict(count_verdicts(rows.values(), pending)),
        "confident": confident,
        "confident_and_right": right,
    }


def _print_summary(
    uploads: Sequence[UploadResult],
    rows: Mapping[InspectionId, Inspection],
    truth: Mapping[str, str],
    photos_directory: Path,
) -> None:
    confident, right = _count_confident(rows, truth)
    counts = format_counts(count_verdicts(rows.values(), len(uploads) - len(rows)))
    click.echo(f"\n{pluralize(len(uploads), 'photo')}: {counts}.")
    click.echo(
        f"The model was confident about {confident} and right about {right} of them. "
        "A reviewer decides the others."
    )
    faulty = [row for row in rows.values() if truth[row.image.name] == CAMERA_FAULT]
    stopped = sum(bool(row.prediction and row.prediction.unusual) for row in faulty)
    verb = "shows" if len(faulty) == 1 else "show"
    click.echo(
        f"{pluralize(len(faulty), 'photo')} {verb} a fault of the camera. The photo guard stopped {stopped}."
    )
    click.echo("\nWhere the photos are:")
    for verdict in Verdict:
        location = next((row.location for row in rows.values() if row.verdict is verdict), None)
        if location is not None:
            click.echo(f"  {verdict.value:<9} s3://{location.bucket}/{verdict.value}/")
    click.echo(f"  uploaded  {escape_unprintable(display_path(photos_directory))}/")


def _print_next_commands(
    directory: Path,
    review_app_url: str,
    rows: Mapping[InspectionId, Inspection],
    port_option: str,
    *,
    keep: bool,
) -> None:
    """Print three commands that work as printed: after the demo, or with --keep beside it."""
    state_dir = shlex.quote(display_path(directory))
    partcheck = f"{command_path('partcheck')} --state-dir {state_dir}"
    if keep:
        click.echo(f"\nReview the unclear photos: {review_app_url} (sign in with any name)")
        click.echo("\nIn another terminal:")
    else:
        partcheck += port_option
        click.echo(
            f"\nReview the unclear photos at {review_app_url} (sign in with any name, end with Ctrl-C):"
        )
        click.echo(f"  {partcheck} up")
        partcheck += " --start"
    row = _select_example(rows)
    if row is not None:
        click.echo(f"Show each step of the inspection of {row.image.name}:")
        click.echo(f"  {partcheck} execution show {shlex.quote(row.image.name)}")
    click.echo("Check that every photo is accounted for:")
    click.echo(f"  {partcheck} verify")


def _select_example(rows: Mapping[InspectionId, Inspection]) -> Inspection | None:
    """Return a photo that is filed for good. Without one, return any photo."""
    filed = (row for row in rows.values() if row.verdict in (Verdict.OK, Verdict.DEFECT))
    return next(filed, None) or next(iter(rows.values()), None)
