"""`partcheck inspect`: upload photos and wait for their verdicts."""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import click

from cli.context import CliContext, Environment, Inbox
from cli.output import (
    escape_unprintable,
    format_confidence,
    format_counts,
    format_duration,
    format_execution,
    format_id,
    note,
    print_json_line,
    print_table,
    shorten_reasons,
)
from cli.photo_paths import PhotoToUpload, find_photos
from cli.printed_command import printed_command
from cli.progress import Progress
from cli.verdict_polling import count_verdicts, wait_for_answers
from workflow import timestamps
from workflow.errors import UploadFailed
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image, InspectionId, inspection_id
from workflow.inspections.serialization import (
    IN_FLIGHT,
    confidence,
    seconds_to_answer,
    settled_or_queued_at,
    threshold,
    to_dict,
    verdict_or_status,
)
from workflow.inspections.verdict import Verdict
from workflow.plurals import pluralize

UPLOADS_AT_ONCE = 4
CLOCK_SKEW_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadResult:
    """The object version that an upload created, or the error. `at` is the upload time."""

    photo: PhotoToUpload
    image: Image | None = None
    at: str = ""
    error: str = ""

    @property
    def id(self) -> InspectionId:
        """Return the inspection's id. Empty if the photo was not uploaded."""
        return inspection_id(self.image) if self.image else InspectionId("")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=600,
    show_default=True,
    help="Seconds to wait for the verdicts. Inspections continue after that.",
)
@click.option("--no-wait", is_flag=True, help="Upload, print the uploads, and do not wait.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per photo, one per line.")
@click.pass_obj
def inspect(
    context: CliContext, paths: tuple[Path, ...], timeout: float, no_wait: bool, as_json: bool
) -> None:
    """Upload photos, wait for their verdicts, and print them.

    PATHS are photos and folders. All .jpg, .jpeg and .png files of a folder are uploaded, at any depth, also
    linked ones. Hidden files and those of other programs (._*, @eaDir) are left out and counted. A file that
    is named itself is uploaded regardless of its type. A photo's key is its path, beginning with
    the name of the given folder. Uploading the same name again creates a new version and a new inspection;
    nothing is overwritten.

    An unclear photo is answered when it waits for a reviewer (`partcheck review list`). The exit code is 1 if
    a photo was not uploaded, was rejected, was deleted in the meantime, or was not answered in time.

    \b
    Examples:
      partcheck inspect part-4711.jpg
      partcheck inspect --json photos/ | jq -r 'select(.verdict == "defect") | .path'
    """
    photos, left_out = find_photos(paths)
    if left_out:
        note(left_out)
    if not photos:
        raise click.UsageError("The paths contain no photo.")
    environment = context.environment()
    started = time.monotonic()
    unusable = [UploadResult(photo=photo, error=why) for photo in photos if (why := photo.find_problem())]
    _print_errors(unusable)
    uploads = upload_photos(environment.inbox, photos)
    _print_errors(upload for upload in uploads if upload not in unusable)
    rows = {} if no_wait else wait_for_verdicts(environment, uploads, timeout)
    if as_json:
        for upload in uploads:
            print_json_line(_to_dict(upload, rows.get(upload.id)))
    elif not no_wait:
        print_verdicts(uploads, rows)
    else:
        cells = [(str(upload.photo.path), upload.photo.key, format_id(upload.id)) for upload in uploads]
        print_table(("photo", "key", "inspection"), cells)
    if no_wait:
        uploaded = pluralize(sum(upload.image is not None for upload in uploads), "photo")
        note(f"{uploaded} uploaded. `{printed_command('execution list')}` shows the inspections.")
    else:
        _print_summary(uploads, rows, time.monotonic() - started, err=as_json)
    if not _all_succeeded(uploads, rows, no_wait):
        click.get_current_context().exit(1)


def upload_photos(inbox: Inbox, photos: Sequence[PhotoToUpload]) -> list[UploadResult]:
    """Upload photos, a few at a time. Return the results in the order of the photos."""
    results: dict[PhotoToUpload, list[UploadResult]] = {}
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool, Progress("Uploading", len(photos)) as progress:
        futures = [pool.submit(_upload, inbox, photo) for photo in photos]
        try:
            for count, future in enumerate(as_completed(futures), start=1):
                results.setdefault(future.result().photo, []).append(future.result())
                progress.show(count)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [results[photo].pop() for photo in photos]


def _upload(inbox: Inbox, photo: PhotoToUpload) -> UploadResult:
    if problem := photo.find_problem():
        return UploadResult(photo=photo, error=problem)
    try:
        with photo.path.open("rb") as content:
            at = timestamps.now()
            return UploadResult(photo=photo, image=inbox.put(photo.key, content), at=at)
    except OSError as error:
        return UploadResult(photo=photo, error=error.strerror or str(error))
    except UploadFailed as error:
        return UploadResult(photo=photo, error=str(error))


def wait_for_verdicts(
    environment: Environment, uploads: Sequence[UploadResult], timeout_seconds: float
) -> dict[InspectionId, Inspection]:
    """Wait until every photo is answered, or until the timeout. Return the answered rows by inspection id."""
    ids = [upload.id for upload in uploads if upload.id]
    since = timestamps.add_seconds(
        min((upload.at for upload in uploads if upload.id), default=timestamps.now()), -CLOCK_SKEW_SECONDS
    )
    try:
        with Progress("Inspecting", len(ids)) as progress:
            return wait_for_answers(
                environment.inspections,
                ids,
                since=since,
                timeout_seconds=timeout_seconds,
                show_progress=lambda rows: progress.show(
                    len(rows), format_counts(count_verdicts(rows.values()))
                ),
                clock=time.monotonic,
                sleep=time.sleep,
            )
    except BaseException:
        note(
            f"The inspections of {pluralize(len(ids), 'photo')} continue: "
            f"see `{printed_command('execution list')}`."
        )
        raise


def print_verdicts(uploads: Sequence[UploadResult], rows: dict[InspectionId, Inspection]) -> None:
    """Print the verdicts as a table. If a photo is unusual, the last column has the first reason."""
    titles = ["photo", "verdict", "confidence", "threshold", "seconds", "execution"]
    cells = [_cells(upload, rows.get(upload.id)) for upload in uploads]
    predictions = [row.prediction if (row := rows.get(upload.id)) else None for upload in uploads]
    reasons = [shorten_reasons(prediction.unusual) if prediction else "" for prediction in predictions]
    if any(reasons):
        titles.append("unusual")
        cells = [(*row, reason) for row, reason in zip(cells, reasons, strict=True)]
    print_table(titles, cells, ("confidence", "threshold", "seconds"), ("threshold", "seconds"))


def _cells(upload: UploadResult, row: Inspection | None) -> tuple[str, ...]:
    if row is None:
        return (upload.photo.key, "not uploaded" if upload.error else IN_FLIGHT, "", "", "", "")
    seconds = seconds_to_answer(row, upload.at)
    return (
        upload.photo.key,
        verdict_or_status(row),
        format_confidence(confidence(row)),
        format_confidence(threshold(row)),
        "" if seconds is None else f"{seconds:.1f}",
        format_execution(row.owner),
    )


def _to_dict(upload: UploadResult, row: Inspection | None) -> dict[str, object]:
    path = str(upload.photo.path)
    if row is not None:
        return {"path": path, **to_dict(row, upload.at)}
    image = upload.image
    return {
        "path": path,
        "id": upload.id or None,
        "key": upload.photo.key,
        "image": {"bucket": image.bucket, "key": image.key, "version_id": image.version_id}
        if image
        else None,
        "state": IN_FLIGHT if image else "not uploaded",
        "verdict": None,
        "uploaded_at": upload.at or None,
        "error": upload.error or None,
    }


def _print_errors(uploads: Iterable[UploadResult]) -> None:
    for upload in uploads:
        if upload.error:
            note(escape_unprintable(f"Error: {upload.photo.path} was not uploaded: {upload.error}."))


def _print_summary(
    uploads: Sequence[UploadResult], rows: dict[InspectionId, Inspection], seconds: float, *, err: bool
) -> None:
    sent = [upload for upload in uploads if upload.image]
    answered = [(upload.photo.key, rows[upload.id]) for upload in sent if upload.id in rows]
    pending = [upload for upload in sent if upload.id not in rows]
    counts = format_counts(count_verdicts(rows.values(), len(pending)))
    lines = [f"{pluralize(len(sent), 'photo')} in {format_duration(seconds)}: {counts}"]
    lines += [
        f"  rejected {key}: {row.rejection.get('detail', '')}"
        for key, row in answered
        if row.verdict is Verdict.REJECTED
    ]
    lines += [f"  withdrawn {key}: deleted before it was judged" for key, row in answered if row.withdrawn]
    lines += [
        f"  no answer yet for {upload.photo.key} ({printed_command(f'execution show {upload.id[:12]}')})"
        for upload in pending
    ]
    if any(row.verdict is Verdict.UNCLEAR for row in rows.values()):
        lines.append(
            f"Decide the unclear photos: `{printed_command('review list')}`, then "
            f"`{printed_command('review decide PHOTO ok|defect')}`."
        )
    for text in lines:
        click.echo(escape_unprintable(text), err=err)


def _all_succeeded(
    uploads: Sequence[UploadResult], rows: dict[InspectionId, Inspection], no_wait: bool
) -> bool:
    if any(upload.error for upload in uploads):
        return False
    if no_wait:
        return True
    return all(
        upload.id in rows
        and settled_or_queued_at(rows[upload.id])
        and rows[upload.id].verdict is not Verdict.REJECTED
        for upload in uploads
    )
