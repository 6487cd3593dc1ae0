"""`partcheck demo`: the whole product on generated parts, in one command."""

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.following import counts
from cli.inspect import Photo, Uploaded, upload, verdict_table, wait
from cli.output import duration, json_document, note, plural, safe, tally
from cli.progress import Progress
from cli.reach import Chosen, Reached, installed, open_line, shown_home
from cli.run import exports
from workflow.errors import ConfigurationError
from workflow.inspections.inspection import Inspection
from workflow.inspections.serialization import address, facts, verdict
from workflow.inspections.verdict import Verdict

if TYPE_CHECKING:
    from local.ports import Ports
    from local.sample_parts import SamplePart

TRAINING_SEED, NEW_SEED = 1, 2
TIMEOUT_SECONDS = 120
MARK, PHOTOS, FOLDER = "only-for-the-demo", "new-photos", "line-1"


@click.command()
@click.option(
    "--keep", is_flag=True, help="Keep the line running until Ctrl-C, to try what is printed at the end."
)
@click.option(
    "--train",
    "to_train",
    type=click.IntRange(40, 2000),
    default=160,
    show_default=True,
    help="Parts to train on.",
)
@click.option(
    "--photos",
    "to_inspect",
    type=click.IntRange(1, 2000),
    default=40,
    show_default=True,
    help="New parts to inspect.",
)
@click.option("--json", "as_json", is_flag=True, help="The verdicts and the figures as one JSON document.")
@click.pass_obj
def demo(chosen: Chosen, keep: bool, to_train: int, to_inspect: int, as_json: bool) -> None:
    """See the whole product work: train a model, inspect new photos, look at the verdicts.

    Photographs cast parts that never existed, sound and faulty, trains a model on them, uploads new ones, and
    prints what became of each and how many verdicts were right. It runs in a state directory of its own,
    `demo` within --home, which begins empty each time, and on free ports if the usual ones are taken.

    \b
    Example:
      partcheck demo
      partcheck demo --keep
    """
    from local import settings
    from local.line import Line

    started = time.monotonic()
    home = settings.home_directory(chosen.home) / "demo"
    ports = _ports(chosen.port)
    _empty(home, ports)
    training, truth = _photograph(to_train, to_inspect, home / PHOTOS)
    with Line(home, ports, report=note) as running:
        running.train(training, report=note)
        trained = time.monotonic()
        line = open_line(running.site, running.environment)
        uploads = upload(line.inbox, [Photo(home / PHOTOS / name, f"{FOLDER}/{name}") for name in truth])
        rows = wait(line, uploads, TIMEOUT_SECONDS)
        ended = time.monotonic()
        note(f"Inspected in {duration(ended - trained)}, {duration(ended - started)} in all.")
        if as_json:
            json_document(_document(uploads, rows, truth))
        else:
            verdict_table(uploads, rows)
            _tell(line, home, uploads, rows, truth, running.review_app if keep else "")
        if keep:
            note("\nThe line runs; Ctrl-C stops it.")
            running.wait()
        note("Stopping …")
    if len(rows) < len(uploads):
        click.get_current_context().exit(1)


def _ports(base: int | None) -> "Ports":
    """The usual ports, or free ones if those are taken and nobody asked for them."""
    from local.ports import Ports, claimed
    from local.settings import chosen_ports

    ports = chosen_ports(base)
    if base is not None:
        return ports
    try:
        with claimed(ports):
            return ports
    except ConfigurationError as error:
        free = Ports.free()
        note(f"{error}. The demo takes ports {free} instead.")
        return free


def _empty(home: Path, ports: "Ports") -> None:
    """Begin with an empty state directory; one that is in use, or is not the demo's, is refused."""
    from local.lock import locked

    if home.is_dir() and any(home.iterdir()) and not (home / MARK).exists():
        raise ConfigurationError(
            f"{shown_home(home)} is no demo, and a demo would empty it: choose another --home"
        )
    with locked(home, ports):
        (home / MARK).touch()
        for entry in home.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name not in (MARK, "lock"):
                entry.unlink()


def _photograph(to_train: int, to_inspect: int, folder: Path) -> tuple[list["SamplePart"], dict[str, str]]:
    """Parts to train on, and the true label of each new photo that now lies in the folder."""
    from local.sample_parts import sample_parts

    training: list[SamplePart] = []
    truth: dict[str, str] = {}
    folder.mkdir()
    with Progress("Photographing parts", to_train + to_inspect) as progress:
        for part in sample_parts(to_train, TRAINING_SEED):
            training.append(part)
            progress.show(len(training))
        for part in sample_parts(to_inspect, NEW_SEED):
            (folder / part.name).write_bytes(part.content)
            truth[part.name] = part.label
            progress.show(to_train + len(truth))
    return training, truth


def _judged(rows: Mapping[str, Inspection], truth: Mapping[str, str]) -> tuple[int, int]:
    """How many verdicts the model gave by itself, and how many of them were right."""
    sure = [row for row in rows.values() if row.verdict in (Verdict.OK, Verdict.DEFECT) and not row.decision]
    return len(sure), sum(truth[row.image.name] == verdict(row) for row in sure)


def _document(
    uploads: Sequence[Uploaded], rows: Mapping[str, Inspection], truth: Mapping[str, str]
) -> dict[str, object]:
    sure, right = _judged(rows, truth)
    pending = len(uploads) - len(rows)
    return {
        "photos": [
            {**facts(rows[one.id], one.at), "truth": truth[one.photo.path.name]}
            for one in uploads
            if one.id in rows
        ],
        "verdicts": dict(counts(rows.values(), pending)),
        "confident": sure,
        "confident_and_right": right,
    }


def _tell(
    line: Reached,
    home: Path,
    uploads: Sequence[Uploaded],
    rows: Mapping[str, Inspection],
    truth: Mapping[str, str],
    web: str,
) -> None:
    """The figures and what to try next; `web` is the review app's address, if it stays."""
    keep = bool(web)
    sure, right = _judged(rows, truth)
    shown, partcheck = safe(shown_home(home)), installed("partcheck")
    counted = tally(counts(rows.values(), len(uploads) - len(rows)))
    click.echo(f"\n{plural(len(uploads), 'photo')}: {counted}.")
    click.echo(f"The model was sure of {sure}, and right about {right} of them; a person decides the rest.")
    click.echo("\nWhere the photos lie:")
    for one in Verdict:
        filed = next((row.location for row in rows.values() if row.verdict is one), None)
        if filed is not None:
            click.echo(f"  {one.value:<9} s3://{filed.bucket}/{one.value}/")
    click.echo(f"  as they were uploaded: {shown}/{PHOTOS}/")
    waiting = [row for row in rows.values() if row.verdict is Verdict.UNCLEAR]
    if waiting:
        name = waiting[0].image.name
        if keep:
            click.echo(f"\nDecide the unclear ones in the review app, {web}: sign in by any name.")
        click.echo("\nTo decide them by command" + (", in another terminal:" if keep else ":"))
        if not keep:
            click.echo(f"  {partcheck} --home {shown} up            (with the review app; then elsewhere)")
        click.echo(f"  {partcheck} --home {shown} reviews")
        click.echo(f"  {partcheck} --home {shown} decide {name} ok --reason 'looked at it'")
    first = next(iter(rows.values()), None)
    if first is not None:
        _tell_history(line, first, shown, keep)


def _tell_history(line: Reached, row: Inspection, shown: str, keep: bool) -> None:
    partcheck = installed("partcheck")
    click.echo(f"\nWhat happened to {row.image.name} (filed as {address(row.location)}), step by step:")
    if not keep:
        click.echo(f"  {partcheck} --home {shown} up            (then elsewhere)")
    click.echo(f"  {partcheck} --home {shown} show {row.image.name}")
    if keep:
        click.echo("or with the AWS CLI:")
    else:
        click.echo(
            "or with the AWS CLI, beside `partcheck demo --keep`: Step Functions forgets when it stops:"
        )
    click.echo(exports(line.environment))
    click.echo(
        f"  {installed('aws')} stepfunctions get-execution-history \\\n"
        "    --output table --query 'events[].[timestamp,type]' \\\n"
        f"    --execution-arn {line.executions.arn(row.owner)}"
    )
