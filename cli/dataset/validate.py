"""`partcheck dataset validate`: find errors in labelled photos before they are imported."""

import shlex
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.dataset.import_photos import limit_option, report_listing, test_share_option
from cli.output import note, print_json, print_table
from cli.printed_command import printed_command
from cli.progress import Progress
from workflow.plurals import pluralize

if TYPE_CHECKING:
    from datasets.validation import DatasetValidation

ROWS_SHOWN = 20

_EXISTING = click.Path(exists=True, path_type=Path)


@click.command()
@click.argument("training", metavar="FOLDER|MANIFEST", type=_EXISTING)
@click.option("--test", type=_EXISTING, help="The test set: a folder or a manifest.")
@click.option(
    "--photos",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder with copies of a manifest's photos, to compare them without S3.",
)
@limit_option
@click.option(
    "--split-by-part",
    "split_directory",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write a new split there, with no part on both sides, for `dataset import`. Photos are not changed.",
)
@test_share_option
@click.option("--json", "as_json", is_flag=True, help="Print all findings as one JSON document.")
def validate(
    training: Path,
    test: Path | None,
    photos: Path | None,
    limit: float,
    split_directory: Path | None,
    test_share: float,
    as_json: bool,
) -> None:
    """Find what AWS would reject, and photos of one part on both sides of the split.

    Needs neither a running environment nor AWS. Errors have the names that AWS uses. The leakage guard
    compares all photos with each other. It finds equal files, and copies that were turned, mirrored, shifted
    a little or saved again. Label names that look alike are an error. The exit code is 1 if the set is
    rejected.

    \b
    Examples:
      partcheck dataset validate photos/ --test test-photos/
      partcheck dataset validate all-photos/ --split-by-part lists/
    """
    from datasets import validation

    result = _validate(training, test, photos)
    if split_directory is not None:
        written = validation.write_split(result, split_directory, test_share)
        for name, count in written.items():
            note(f"{split_directory / name}: {pluralize(count, 'photo')}")
        note(_describe_import(training, test, split_directory, list(written)))
    document = result.to_dict(limit)
    if as_json:
        print_json(document)
    else:
        _print_document(document)
    if document["refused"]:
        click.get_current_context().exit(1)


def _validate(training: Path, test: Path | None, photos: Path | None) -> "DatasetValidation":
    """Validate the sets with a progress bar, which begins when the number of photos is known."""
    from datasets import validation

    with ExitStack() as stack:

        @cache
        def progress_bar(total: int) -> Progress:
            return stack.enter_context(Progress("Comparing photos", total))

        return validation.validate(
            training, test, photos, lambda done, total: progress_bar(total).show(done), report_listing
        )


def _describe_import(training: Path, test: Path | None, directory: Path, files: list[str]) -> str:
    """Return the sentence about the command that imports the split."""
    if test is not None and test.is_dir():
        return f"Put the photos of {training} and {test} into one folder to import this split."
    train_list, test_list = (shlex.quote(str(directory / name)) for name in files)
    source = f"{train_list} --test {test_list}"
    if training.is_dir():
        source = f"{shlex.quote(str(training))} --split {shlex.quote(str(directory))}"
    return f"Import it with `{printed_command(f'dataset import {source}')}`."


def _print_document(document: dict[str, Any]) -> None:
    errors, pairs = document["errors"], document["pairs"]
    if errors:
        rows = [(row["code"], row["where"], row["message"]) for row in errors[:ROWS_SHOWN]]
        print_table(("error", "where", "message"), rows)
    if pairs:
        click.echo(f"\n{pluralize(len(pairs), 'pair')} of photos of one part:\n")
        cells = [
            (row["kind"], row["first"], row["second"], f"{row['similarity']:.2f}")
            for row in pairs[:ROWS_SHOWN]
        ]
        print_table(("where", "photo", "photo", "similarity"), cells, ("similarity",))
    for all_rows, noun in ((errors, "errors"), (pairs, "pairs")):
        if len(all_rows) > ROWS_SHOWN:
            note(f"{len(all_rows) - ROWS_SHOWN:,} more {noun}: see --json")
    click.echo(("\n" if errors or pairs else "") + document["verdict"])
