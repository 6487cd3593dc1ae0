"""`partcheck inspect`: upload photos and wait for their verdicts."""

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import click

from cli.following import counts, follow
from cli.output import duration, json_line, note, plural, safe, share, table, tally
from cli.progress import Progress
from cli.reach import Chosen, Inbox, Reached
from workflow import timestamps
from workflow.errors import NotUploaded
from workflow.inspections.inspection import Inspection
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.serialization import (
    IN_FLIGHT,
    answered_at,
    confidence,
    facts,
    seconds,
    threshold,
    verdict,
)
from workflow.inspections.verdict import Verdict

SUFFIXES = (".jpg", ".jpeg", ".png")
MAX_KEY_BYTES = 1024
UPLOADS_AT_ONCE = 4
CLOCK_SKEW_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Photo:
    """A file to inspect, and the key it is uploaded under."""

    path: Path
    key: str


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A photo that became an image version, or why it did not."""

    photo: Photo
    image: Image | None
    at: str
    fault: str = ""

    @property
    def id(self) -> str:
        """The id of its inspection; empty when it was not uploaded."""
        return inspection_id(self.image) if self.image else ""


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=600,
    show_default=True,
    help="Seconds to wait for the verdicts; the line goes on without this command.",
)
@click.option("--no-wait", is_flag=True, help="Upload only: print what was uploaded and do not wait.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a photo, one a line.")
@click.pass_obj
def inspect(chosen: Chosen, paths: tuple[Path, ...], timeout: float, no_wait: bool, as_json: bool) -> None:
    """Upload photos, wait for their verdicts, print them.

    PATHS are photos and folders. From folders come all .jpg, .jpeg and .png files at any depth; a file named
    by itself is uploaded whatever it is. A photo's key is its path from the folder named, with that folder's
    own name. Uploading a name again makes a new version and a new inspection: nothing is overwritten.

    An unclear photo counts as answered when it waits for a person (`partcheck reviews`). The exit code is 1
    if a photo could not be uploaded, was rejected, was deleted meanwhile, or had no answer in time.

    \b
    Examples:
      partcheck inspect part-4711.jpg
      partcheck inspect --json photos/ | jq -r 'select(.verdict == "defect") | .path'
    """
    photos, others = gather(paths)
    if others:
        note(f"Left out {plural(others, 'file')} in folders: not .jpg, .jpeg or .png.")
    if not photos:
        raise click.UsageError("There is no photo to inspect in what was named.")
    line = chosen.reach()
    started = time.monotonic()
    uploads = upload(line.inbox, photos)
    _report_faults(uploads)
    rows = {} if no_wait else wait(line, uploads, timeout)
    if as_json:
        for one in uploads:
            json_line(_document(one, rows.get(one.id)))
    elif not no_wait:
        verdict_table(uploads, rows)
    else:
        table(("photo", "key", "inspection"), [(str(u.photo.path), u.photo.key, u.id[:12]) for u in uploads])
    _summary(uploads, rows, no_wait, time.monotonic() - started, as_json)
    if not _all_well(uploads, rows, no_wait):
        click.get_current_context().exit(1)


def gather(paths: Iterable[Path]) -> tuple[list[Photo], int]:
    """The photos that paths name, and how many files in folders were left out."""
    photos: list[Photo] = []
    left_out = 0
    for path in paths:
        if not path.is_dir():
            photos.append(Photo(path, path.name))
            continue
        root = Path(os.path.abspath(path)).name  # noqa: PTH100 (resolve() would follow links)
        for file in sorted(_files(path)):
            if file.suffix.lower() in SUFFIXES:
                photos.append(Photo(file, "/".join((root, *file.relative_to(path).parts)).lstrip("/")))
            else:
                left_out += 1
    return photos, left_out


def _files(folder: Path) -> Iterator[Path]:
    def fail(error: OSError) -> None:
        raise error

    for directory, _, names in os.walk(folder, onerror=fail):
        yield from (Path(directory, name) for name in names)


def upload(inbox: Inbox, photos: Sequence[Photo]) -> list[Uploaded]:
    """Upload photos a few at a time; the answer has their order."""
    done: dict[Photo, list[Uploaded]] = {}
    with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool, Progress("Uploading", len(photos)) as progress:
        futures = [pool.submit(_upload, inbox, photo) for photo in photos]
        try:
            for count, future in enumerate(as_completed(futures), start=1):
                done.setdefault(future.result().photo, []).append(future.result())
                progress.show(count)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [done[photo].pop() for photo in photos]


def _upload(inbox: Inbox, photo: Photo) -> Uploaded:
    try:
        size = len(photo.key.encode())
    except UnicodeEncodeError:
        return Uploaded(photo, None, "", "its name is not valid UTF-8")
    if size > MAX_KEY_BYTES:
        return Uploaded(photo, None, "", f"its key has {size:,} bytes, but S3 allows {MAX_KEY_BYTES:,}")
    try:
        with photo.path.open("rb") as content:
            at = timestamps.now()
            return Uploaded(photo, inbox.put(photo.key, content), at)
    except OSError as error:
        return Uploaded(photo, None, "", error.strerror or str(error))
    except NotUploaded as error:
        return Uploaded(photo, None, "", str(error))


def wait(line: Reached, uploads: Sequence[Uploaded], seconds: float) -> dict[str, Inspection]:
    """Wait until the line has answered for every photo, or for so many seconds."""
    ids = [one.id for one in uploads if one.id]
    since = timestamps.later(
        min((one.at for one in uploads if one.id), default=timestamps.now()), -CLOCK_SKEW_SECONDS
    )
    try:
        with Progress("Inspecting", len(ids)) as progress:
            return follow(
                line.ledger,
                ids,
                since,
                seconds,
                lambda rows: progress.show(len(rows), tally(counts(rows.values()))),
                time.monotonic,
                time.sleep,
            )
    except BaseException:
        note(f"The line goes on with the {plural(len(ids), 'photo')}: see `partcheck executions`.")
        raise


def verdict_table(uploads: Sequence[Uploaded], rows: dict[str, Inspection]) -> None:
    """The verdicts as people read them."""
    titles = ("photo", "verdict", "confidence", "threshold", "seconds", "execution")
    table(titles, [_cells(one, rows.get(one.id)) for one in uploads], ("confidence", "threshold", "seconds"))


def _cells(one: Uploaded, row: Inspection | None) -> tuple[str, ...]:
    if row is None:
        return (one.photo.key, "not uploaded" if one.fault else IN_FLIGHT, "", "", "", "")
    took = seconds(row, one.at)
    return (
        one.photo.key,
        verdict(row),
        share(confidence(row)),
        share(threshold(row)),
        "" if took is None else f"{took:.1f}",
        f"{row.owner[:12]}…",
    )


def _document(one: Uploaded, row: Inspection | None) -> dict[str, object]:
    path = str(one.photo.path)
    if row is not None:
        return {"path": path, **facts(row, one.at)}
    image = one.image
    return {
        "path": path,
        "id": one.id or None,
        "key": one.photo.key,
        "image": {"bucket": image.bucket, "key": image.key, "version_id": image.version_id}
        if image
        else None,
        "state": IN_FLIGHT if image else "not uploaded",
        "verdict": None,
        "uploaded_at": one.at or None,
        "fault": one.fault or None,
    }


def _report_faults(uploads: Sequence[Uploaded]) -> None:
    for one in uploads:
        if one.fault:
            note(safe(f"Error: {one.photo.path} was not uploaded: {one.fault}."))


def _summary(
    uploads: Sequence[Uploaded], rows: dict[str, Inspection], no_wait: bool, took: float, as_json: bool
) -> None:
    sent = [one for one in uploads if one.image]
    pending = [one for one in sent if one.id not in rows]
    if no_wait:
        note(f"{plural(len(sent), 'photo')} uploaded; see what becomes of them with `partcheck executions`.")
        return
    lines = [
        f"{plural(len(sent), 'photo')} in {duration(took)}: {tally(counts(rows.values(), len(pending)))}"
    ]
    lines += [
        f"  rejected {one.photo.key}: {rows[one.id].rejection.get('detail', '')}"
        for one in sent
        if one.id in rows and rows[one.id].verdict is Verdict.REJECTED
    ]
    lines += [
        f"  withdrawn {one.photo.key}: it was deleted before anybody judged it"
        for one in sent
        if one.id in rows and rows[one.id].withdrawn
    ]
    lines += [f"  no answer yet for {one.photo.key} (partcheck show {one.id[:12]})" for one in pending]
    if any(row.verdict is Verdict.UNCLEAR for row in rows.values()):
        lines.append("Decide the unclear ones: `partcheck reviews`, then `partcheck decide PHOTO ok|defect`.")
    for text in lines:
        click.echo(safe(text), err=as_json)


def _all_well(uploads: Sequence[Uploaded], rows: dict[str, Inspection], no_wait: bool) -> bool:
    if any(one.fault for one in uploads):
        return False
    if no_wait:
        return True
    return all(
        one.id in rows and answered_at(rows[one.id]) and rows[one.id].verdict is not Verdict.REJECTED
        for one in uploads
    )
