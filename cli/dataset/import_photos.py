"""`partcheck dataset import`: make the training and test data sets of a project."""

import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.context import CliContext
from cli.model_services import ModelServices, open_model_services, project_options
from cli.output import escape_unprintable, format_counts, note, print_json
from cli.printed_command import printed_command
from cli.progress import Progress
from workflow.errors import ConfigurationError
from workflow.plurals import pluralize

if TYPE_CHECKING:
    from datasets.importing import TrainAndTest
    from datasets.labelled_photos import LabelledPhoto
    from datasets.near_duplicates import DuplicateReport

DEFAULT_TEST_SHARE = 0.2
DEFAULT_LIMIT = 0.01

test_share_option = click.option(
    "--test-share",
    type=click.FloatRange(0.05, 0.5),
    default=DEFAULT_TEST_SHARE,
    show_default=True,
    help="The share of the photos that is set aside for the test if there is no --test set.",
)

limit_option = click.option(
    "--limit",
    type=click.FloatRange(0, 1),
    default=DEFAULT_LIMIT,
    show_default=True,
    help="Reject the set if a larger share of the test photos shows parts that are seen elsewhere.",
)

split_option = click.option(
    "--split",
    "split_directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Split the photos of the folder by the lists there, from `dataset validate --split-by-part`.",
)


@click.command("import")
@click.argument("source", metavar="FOLDER|MANIFEST|s3://BUCKET/PREFIX")
@project_options
@click.option("--test", "test_source", default="", help="The test set, of the same kind as the first.")
@split_option
@test_share_option
@limit_option
@click.option("--replace", is_flag=True, help="Delete the project's data sets first.")
@click.option("--json", "as_json", is_flag=True, help="Print project and manifests as one JSON object.")
@click.pass_obj
def import_photos(
    context: CliContext,
    source: str,
    project: str,
    bucket: str,
    test_source: str,
    split_directory: Path | None,
    test_share: float,
    limit: float,
    replace: bool,
    as_json: bool,
) -> None:
    """Make the training and test data sets of a project.

    The photos lie in folders that are named after their labels: the first level below FOLDER or PREFIX. It
    shows the labels first, and counts what it leaves out. Photos that are already in the bucket with
    the same bytes are not sent again, so an interrupted import can be repeated. Without --test a share of the
    photos is set aside for the test, by whole parts: copies of one photo are never on both sides. With --test
    or --split the leakage guard refuses sets with parts on both sides. The photos of a MANIFEST lie in S3
    already. Masks (`*_mask.*`, PNG files of at most two values) are left out and counted.

    \b
    Examples:
      partcheck dataset import photos/
      partcheck dataset import all-photos/ --split lists/
      partcheck dataset import s3://plant-7/labelled --project housings --test s3://plant-7/test
    """
    if split_directory and test_source:
        raise click.UsageError("give --split or --test, not both")
    services = open_model_services(context, project, bucket)
    sides: TrainAndTest
    if split_directory:
        sides = refuse_leaks(read_split(Path(source), split_directory), limit)
    elif test_source:
        sides = refuse_leaks((_read_photos(source), _read_photos(test_source)), limit)
    else:
        sides = split_photos(_read_photos(source), test_share)
    summary = import_split(services, sides, replace)
    if as_json:
        print_json(summary)
    else:
        click.echo(summary["project_arn"])
    note(f"Train on them with `{printed_command('model train')}`.")


def refuse_leaks(sides: "TrainAndTest", limit: float = DEFAULT_LIMIT) -> "TrainAndTest":
    """Return training and test photos, each with its part, if the leakage guard accepts them.

    Raise ConfigurationError if a larger share of the test photos than `limit` (0 to 1) shows parts that are
    seen elsewhere, or equal files have two labels.
    """
    from datasets.leakage import measure_leakage

    photos, duplicates = _find_parts([photo for side in sides for photo in side])
    leakage = measure_leakage(duplicates, photos, len(sides[0]))
    if leakage.exceeds(limit) or leakage.contradictions:
        pair = [*leakage.contradictions, *leakage.across, *leakage.within][0]
        raise ConfigurationError(
            f"The leakage guard refuses the test: {leakage.leaking_share:.1%} of its photos show parts of "
            f"the training set, {leakage.repeated_share:.1%} repeat another test photo ({limit:.1%} is "
            f"allowed), and {len(leakage.contradictions)} pairs of equal files have two labels; for example "
            f"{photos[pair.first].name} and {photos[pair.second].name}. `dataset validate` lists the pairs, "
            "and its --split-by-part writes a split without any"
        )
    return photos[: len(sides[0])], photos[len(sides[0]) :]


def split_photos(photos: list["LabelledPhoto"], test_share: float = DEFAULT_TEST_SHARE) -> "TrainAndTest":
    """Return training and test photos, each with its part. Photos of one part are on the same side."""
    from datasets.leakage import split_by_part

    numbered, duplicates = _find_parts(photos)
    training, test = split_by_part(numbered, duplicates, test_share)
    return [numbered[index] for index in training], [numbered[index] for index in test]


def _find_parts(photos: list["LabelledPhoto"]) -> tuple[list["LabelledPhoto"], "DuplicateReport"]:
    """Return the photos with their parts, and what was found."""
    from datasets.near_duplicates import find_near_duplicates

    with Progress("Comparing photos", len(photos)) as progress:
        duplicates = find_near_duplicates(photos, progress.show)
    parts = duplicates.part_numbers()
    return [replace(photo, part=str(part)) for photo, part in zip(photos, parts, strict=True)], duplicates


def import_split(services: ModelServices, sides: "TrainAndTest", replace: bool) -> dict[str, str | int]:
    """Upload both sides and create the project's data sets. Return their counts and manifests.

    Raise Conflict if the project has data sets of other photos and `replace` is false.
    """
    from datasets.importing import import_datasets
    from datasets.project_datasets import ProjectDatasets

    for side, photos in zip(("training", "test"), sides, strict=True):
        labels = format_counts(Counter(photo.label for photo in photos))
        note(f"{pluralize(len(photos), f'{side} photo')}: {escape_unprintable(labels)}")
    with Progress("Uploading", sum(len(photos) for photos in sides)) as progress:
        return import_datasets(
            ProjectDatasets(services.models, services.project, time.sleep),
            sides,
            services.bucket,
            replace,
            lambda done, unchanged: progress.show(done, f"{unchanged:,} already there" if unchanged else ""),
        )


def report_listing(text: str) -> None:
    """Print what was found in a folder or below a prefix."""
    note(escape_unprintable(text))


def read_split(folder: Path, directory: Path) -> "TrainAndTest":
    """Return the training and test photos in a folder by the lists that `dataset validate` wrote.

    Raise ConfigurationError if a list is missing, or names a photo that the folder lacks.
    """
    from datasets.labelled_photos import photos_from_folder, select_by_list

    photos = photos_from_folder(folder, report_listing)
    training, test = (select_by_list(photos, directory / f"{side}.txt") for side in ("train", "test"))
    if rest := len({photo.name for photo in photos} - {photo.name for photo in (*training, *test)}):
        note(f"Left out {pluralize(rest, 'photo')} that no list in {directory} names.")
    return training, test


def _read_photos(source: str) -> list["LabelledPhoto"]:
    from datasets.labelled_photos import photos_from_bucket, photos_from_folder, photos_from_manifest_file

    if source.startswith("s3://"):
        return photos_from_bucket(source, report_listing)
    if Path(source).is_file():
        return photos_from_manifest_file(Path(source))
    if not Path(source).is_dir():
        raise ConfigurationError(f"{source} is neither a folder nor a manifest")
    return photos_from_folder(Path(source), report_listing)
