"""`partcheck model evaluate`: how good a model is, by its own test set and by the frozen hold-out."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.model_bench import Bench, bench, placed
from cli.output import json_document, note, table
from cli.progress import Progress
from cli.reach import Chosen
from workflow import timestamps
from workflow.errors import ConfigurationError, NotFound
from workflow.inspections.routing_policy import parse
from workflow.intervals import Rate
from workflow.models.evaluation import Evaluation, Summary, read_summary
from workflow.models.evaluation import evaluate as evaluated
from workflow.models.model import ModelVersion, Status
from workflow.models.promotion import ModelEvent

if TYPE_CHECKING:
    from local.data_sets.hold_out import HoldOut
    from local.data_sets.photos import LabelledPhoto


@click.command()
@click.argument("version", required=False, default="")
@placed
@click.option("--hold-out", "source", default="", help="Freeze these photos: a folder, or an S3 manifest.")
@click.option("--new-hold-out", "reason", default="", help="Why the frozen hold-out is replaced.")
@click.option("--json", "as_json", is_flag=True, help="All figures as one JSON document.")
@click.pass_obj
def evaluate(
    chosen: Chosen, version: str, project: str, bucket: str, source: str, reason: str, as_json: bool
) -> None:
    """Say how often a model errs, in each direction, with 95 % intervals.

    Two sources: the summary that its training wrote, and a frozen hold-out, which is a set of photos that no
    model learns from. It is frozen the first time --hold-out is given: the photos are copied under the hash
    of their bytes and the hash of their list is recorded, so every model is asked the same questions. The
    model must run for that.

    \b
    Example:
      partcheck model evaluate autumn --hold-out hold-out-photos/
    """
    work = bench(chosen, project, bucket)
    found = work.version(version)
    hold_out = _frozen(work, source, reason)
    summary = summary_of(found)
    result = None
    if hold_out is None:
        note("No hold-out is frozen yet: name one with --hold-out.")
    elif found.status is not Status.RUNNING:
        note(f"Model {found.name} is {found.status}, so the hold-out was not scored: start it first.")
    else:
        result = on_hold_out(work, found, hold_out, work.settings.policy(), afresh=True)
        work.record.add(
            ModelEvent(
                timestamps.now(), work.who, "evaluate", found.arn, facts={"evaluation": result.facts()}
            )
        )
    if as_json:
        json_document({"model": found.arn, "summary": _plain(summary), "hold_out": _facts(result)})
        return
    if summary is not None:
        _print_summary(summary)
    if result is not None:
        _print(result)


def on_hold_out(
    work: Bench, version: ModelVersion, hold_out: "HoldOut", policy_text: str, afresh: bool = False
) -> Evaluation:
    """The model on the hold-out; kept scores are used unless they are asked for afresh."""
    from local.data_sets import hold_out as frozen
    from workflow.aws.detector import RekognitionDetector

    policy = parse(policy_text)
    scored = None if afresh else frozen.kept(work.bucket, work.project, version.arn, hold_out)
    if scored is None:
        lines = frozen.entries(hold_out)
        with Progress(f"Scoring {version.name}", len(lines)) as progress:
            scored = frozen.score(
                lines, RekognitionDetector(version.arn), work.line.shelf, policy, time.sleep, progress.show
            )
        frozen.keep(work.bucket, work.project, version.arn, hold_out, scored)
    return evaluated(version.arn, hold_out.sha256, scored, policy)


def summary_of(version: ModelVersion) -> Summary | None:
    """What the training wrote of its own test; None where there is no such report."""
    if not version.summary:
        return None
    from local.data_sets.uploading import get_bytes

    return read_summary(json.loads(get_bytes(version.summary)))


def _frozen(work: Bench, source: str, reason: str) -> "HoldOut | None":
    from local.data_sets import hold_out

    if not source:
        return hold_out.frozen(work.record, work.project)
    photos = _photos(source)
    stamp = (timestamps.now(), work.who, reason)
    with Progress("Freezing the hold-out", len(photos)) as progress:
        return hold_out.freeze(
            work.record,
            work.project,
            photos,
            work.bucket,
            stamp,
            lambda done, _kept: progress.show(done),
        )


def _photos(source: str) -> list["LabelledPhoto"]:
    from local.custom_labels.manifest import named_by_folder, read_entries
    from local.data_sets import photos
    from local.data_sets.uploading import get_bytes

    if source.startswith("s3://"):
        try:
            lines = get_bytes(source).decode().split("\n")
        except UnicodeDecodeError as error:
            raise ConfigurationError(f"{source} is no manifest: it is not UTF-8") from error
        found = photos.from_manifest(named_by_folder(read_entries(lines)), None)
        if not found:
            raise ConfigurationError(f"{source} names no usable photo")
        return found
    if not Path(source).is_dir():
        raise NotFound(f"{source} is neither a folder nor a manifest in S3")
    return photos.from_folder(Path(source))


def _print_summary(summary: Summary) -> None:
    click.echo(
        f"By its own test set ({summary.tested_on:,} photos; trained on {summary.trained_on:,}): "
        f"F1 {summary.f1:.3f}, precision {summary.precision:.3f}, recall {summary.recall:.3f}\n"
    )
    titles = ("label", "photos", "precision", "recall", "F1", "assumed threshold")
    rows = [
        (
            one.label,
            f"{one.photos:,}",
            *("" if value is None else f"{value:.3f}" for value in (one.precision, one.recall, one.f1)),
            f"{one.threshold:.3f}",
        )
        for one in summary.labels
    ]
    table(titles, rows, titles[1:])
    labels = sorted({truth for truth, _ in summary.confusion})
    click.echo("\nTruth, and the shares that were called:\n")
    cells = [
        [truth, *(f"{summary.confusion.get((truth, said), 0):.3f}" for said in labels)] for truth in labels
    ]
    table(("", *labels), cells, labels)


def _print(result: Evaluation) -> None:
    click.echo("\nOn the frozen hold-out, at the policy's thresholds:\n")
    rows = [
        ("defects passed as ok", *_words(result.escapes)),
        ("ok parts called defect", *_words(result.false_alarms)),
        ("unclear, for a person", *_words(result.unclear)),
    ]
    table(("what", "count", "share", "95 % interval"), rows, ("count", "share", "95 % interval"))


def _words(rate: Rate) -> tuple[str, str, str]:
    low, high = rate.interval
    return f"{rate.count:,} of {rate.of:,}", f"{rate.share:.1%}", f"{low:.1%} – {high:.1%}"


def _plain(summary: Summary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    return {
        "f1": summary.f1,
        "precision": summary.precision,
        "recall": summary.recall,
        "trained_on": summary.trained_on,
        "tested_on": summary.tested_on,
        "labels": [
            {
                "label": one.label,
                "photos": one.photos,
                "threshold": one.threshold,
                "precision": one.precision,
                "recall": one.recall,
                "f1": one.f1,
            }
            for one in summary.labels
        ],
        "confusion": [
            {"truth": truth, "predicted": said, "share": share}
            for (truth, said), share in summary.confusion.items()
        ],
    }


def _facts(result: Evaluation | None) -> dict[str, Any] | None:
    return result.facts() if result else None
