"""`partcheck model check` and `partcheck model import`: photos before they become a model."""

import time
from collections import Counter
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.model_bench import bench, placed
from cli.output import json_document, note, plural, safe, table, tally
from cli.progress import Progress
from cli.reach import Chosen
from workflow.errors import ConfigurationError

if TYPE_CHECKING:
    from local.data_sets.lookalikes import Comparison
    from local.data_sets.photos import LabelledPhoto

SHOWN = 20

_EXISTING = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("training", metavar="FOLDER|MANIFEST", type=_EXISTING)
@click.option("--test", "testing", type=_EXISTING, help="The test set: a folder or a manifest.")
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where copies of a manifest's photos lie, so that they can be compared without S3.",
)
@click.option(
    "--limit",
    type=click.FloatRange(0, 1),
    default=0.01,
    show_default=True,
    help="Refuse the set when a larger share of the test photos shows parts that are seen elsewhere.",
)
@click.option(
    "--split-by-part",
    "out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a new division there, with no part on both sides; photos are not touched.",
)
@click.option(
    "--test-share",
    type=click.FloatRange(0.05, 0.5),
    default=0.2,
    show_default=True,
    help="How much is set aside for the test where the photos are divided.",
)
@click.option("--json", "as_json", is_flag=True, help="Everything that was found as one JSON document.")
def check(
    training: Path,
    testing: Path | None,
    photos: Path | None,
    limit: float,
    out: Path | None,
    test_share: float,
    as_json: bool,
) -> None:
    """Find what AWS would refuse, and photos of one part on both sides of the test.

    Needs neither a line nor AWS. Complaints carry AWS's own error names. The leakage guard compares all
    photos with each other: equal files, and copies that were turned, mirrored, shifted a little or saved
    again. The exit code is 1 if anything is wrong.

    \b
    Example:
      partcheck model check photos/ --test test-photos/
      partcheck model check all-photos/ --split-by-part lists/
    """
    from local.data_sets import checking

    with ExitStack() as stack:

        @cache
        def bar(total: int) -> Progress:
            return stack.enter_context(Progress("Comparing photos", total))

        found = checking.check(training, testing, photos, lambda done, total: bar(total).show(done))
    if out is not None:
        for name, count in checking.write_split(found, out, test_share).items():
            note(f"{out / name}: {plural(count, 'photo')}")
    document = found.document(limit)
    if as_json:
        json_document(document)
    else:
        _print(document)
    if document["refused"]:
        click.get_current_context().exit(1)


def _print(document: dict[str, Any]) -> None:
    complaints, pairs = document["complaints"], document["pairs"]
    if complaints:
        rows = [(one["code"], one["where"], one["message"]) for one in complaints[:SHOWN]]
        table(("error", "where", "what"), rows)
    if pairs:
        click.echo(f"\n{plural(len(pairs), 'pair')} of photos of one part:\n")
        found = [(one["kind"], one["first"], one["second"], f"{one['alike']:.2f}") for one in pairs[:SHOWN]]
        table(("where", "photo", "photo", "alike"), found, ("alike",))
    for shown, what in ((complaints, "complaints"), (pairs, "pairs")):
        if len(shown) > SHOWN:
            note(f"{len(shown) - SHOWN:,} more {what}: see --json")
    click.echo(("\n" if complaints or pairs else "") + document["verdict"])


@click.command("import")
@click.argument("source", metavar="FOLDER|s3://BUCKET/PREFIX")
@placed
@click.option("--name", default="", help="The same as --project.")
@click.option("--test", "testing", default="", help="The test set: a folder, or a prefix in the same bucket.")
@click.option(
    "--test-share",
    type=click.FloatRange(0.05, 0.5),
    default=0.2,
    show_default=True,
    help="How much is set aside for the test where the photos are divided.",
)
@click.option("--replace", is_flag=True, help="Delete the project's data sets first.")
@click.option("--json", "as_json", is_flag=True, help="The project and its manifests as one JSON object.")
@click.pass_obj
def import_photos(
    chosen: Chosen,
    source: str,
    project: str,
    bucket: str,
    name: str,
    testing: str,
    test_share: float,
    replace: bool,
    as_json: bool,
) -> None:
    """Make data sets of labelled photos: a project with a training and a test set.

    Labels are the names of the folders. Photos that are in the bucket already, with the same bytes, are not
    sent again, so an import that was interrupted goes on where it stopped. Without --test a share of the
    photos is set aside for the test, whole parts at a time: copies of one photo never stand on both sides.

    \b
    Example:
      partcheck model import photos/
      partcheck model import s3://plant-7/labelled --name housings --test s3://plant-7/test
    """
    work = bench(chosen, name or project, bucket)
    from local.data_sets import importing
    from local.data_sets.project import Project

    training, test = _sides(source, testing, test_share)
    for side, photos in (("training", training), ("test", test)):
        note(f"{plural(len(photos), f'{side} photo')}: {safe(tally(Counter(one.label for one in photos)))}")
    with Progress("Uploading", len(training) + len(test)) as progress:
        done = importing.import_sets(
            Project(work.models, work.project, time.sleep),
            (training, test),
            work.bucket,
            replace,
            lambda done, kept: progress.show(done, f"{kept:,} were there" if kept else ""),
        )
    if as_json:
        json_document(done)
    else:
        click.echo(done["project_arn"])
    note("Train on them with `partcheck model train`.")


def _sides(source: str, testing: str, share: float) -> tuple[list["LabelledPhoto"], list["LabelledPhoto"]]:
    photos = _photos(source)
    if testing:
        return photos, _photos(testing)
    from local.data_sets.leakage import split_by_part

    train, test = split_by_part(photos, _compared(photos), share)
    return [photos[place] for place in train], [photos[place] for place in test]


def _photos(source: str) -> list["LabelledPhoto"]:
    from local.data_sets import photos

    if source.startswith("s3://"):
        return photos.from_bucket(source)
    if not Path(source).is_dir():
        raise ConfigurationError(f"{source} is not a folder")
    return photos.from_folder(Path(source))


def _compared(photos: list["LabelledPhoto"]) -> "Comparison":
    from local.data_sets.lookalikes import compare

    with Progress("Comparing photos", len(photos)) as progress:
        return compare(photos, progress.show)
