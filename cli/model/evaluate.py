"""`partcheck model evaluate`: a model's error rates on its test set and on the frozen hold-out."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import CliContext
from cli.dataset.import_photos import report_listing
from cli.model.expected_errors_output import RATES, format_proportion
from cli.model_services import ModelServices, open_model_services, project_options
from cli.output import note, print_json, print_table
from cli.progress import Progress
from workflow import timestamps
from workflow.errors import NotFound
from workflow.inspections.routing_policy import parse
from workflow.models.evaluation import HoldOutEvaluation, TrainingSummary, parse_summary
from workflow.models.evaluation import evaluate as evaluate_scores
from workflow.models.expected_errors import ExpectedErrors, compute_expected_errors
from workflow.models.model import ModelStatus, ModelVersion
from workflow.models.promotion import ModelAction, ModelEvent

if TYPE_CHECKING:
    from datasets.hold_out import HoldOutManifest
    from datasets.labelled_photos import LabelledPhoto

SUM_TOLERANCE = 0.001


@click.command()
@click.argument("version", required=False, default="")
@project_options
@click.option("--hold-out", "source", default="", help="Freeze these photos: a folder, or a manifest in S3.")
@click.option("--new-hold-out", "reason", default="", help="Why the frozen hold-out is replaced.")
@click.option("--json", "as_json", is_flag=True, help="Print all figures as one JSON document.")
@click.pass_obj
def evaluate(
    context: CliContext, version: str, project: str, bucket: str, source: str, reason: str, as_json: bool
) -> None:
    """Show a model's error rates with 95 % intervals.

    The first source is the report of its training. The second is the frozen hold-out, a set of photos that no
    model learns from. The first --hold-out freezes it: the photos are copied under the hash of their bytes,
    and the hash of their list is recorded, so that all models are asked about the same photos. The model must
    run to be scored.

    \b
    Example:
      partcheck model evaluate autumn --hold-out hold-out-photos/
    """
    services = open_model_services(context, project, bucket)
    candidate = services.find_version(version)
    hold_out = _find_or_freeze(services, source, reason)
    summary = read_training_summary(candidate)
    result = _evaluate_if_running(services, candidate, hold_out)
    if as_json:
        print_json(
            {
                "model": candidate.arn,
                "summary": _summary_to_dict(summary),
                "hold_out": result.to_dict() if result else None,
            }
        )
        return
    if summary is not None:
        _print_summary(summary)
    if result is not None:
        _print_evaluation(result, read_expected_errors(services, summary))


def _evaluate_if_running(
    services: ModelServices, candidate: ModelVersion, hold_out: "HoldOutManifest | None"
) -> HoldOutEvaluation | None:
    """Score a running model on the hold-out and record the result. Otherwise print why it is not scored."""
    if hold_out is None:
        note("No hold-out is frozen yet: name one with --hold-out.")
        return None
    if candidate.status is not ModelStatus.RUNNING:
        note(f"Model {candidate.name} is {candidate.status}, so the hold-out was not scored: start it first.")
        return None
    policy = services.settings.get_routing_policy()
    evaluation = evaluate_on_hold_out(services, candidate, hold_out, policy, rescore=True)
    event = ModelEvent(
        at=timestamps.now(),
        actor=services.user,
        action=ModelAction.EVALUATE,
        after=candidate.arn,
        details={"evaluation": evaluation.to_dict()},
    )
    services.event_log.add(event)
    return evaluation


def evaluate_on_hold_out(
    services: ModelServices,
    version: ModelVersion,
    hold_out: "HoldOutManifest",
    policy_text: str,
    rescore: bool = False,
) -> HoldOutEvaluation:
    """Evaluate a model on the hold-out. Stored scores are used unless `rescore` is true."""
    from datasets import hold_out as hold_out_store

    policy = parse(policy_text)
    scored = (
        None
        if rescore
        else hold_out_store.load_scores(services.bucket, services.project, version.arn, hold_out)
    )
    if scored is None:
        entries = hold_out_store.read_frozen_entries(hold_out)
        with Progress(f"Scoring {version.name}", len(entries)) as progress:
            scorer = hold_out_store.HoldOutScorer(
                detector=services.build_detector(version.arn),
                objects=services.environment.objects,
                policy=policy,
                sleep=time.sleep,
            )
            scored = scorer.score(entries, progress.show)
        hold_out_store.save_scores(services.bucket, services.project, version.arn, hold_out, scored)
    return evaluate_scores(version.arn, hold_out.sha256, scored, policy)


def read_training_summary(version: ModelVersion) -> TrainingSummary | None:
    """Return the report of the model's training, or None if there is none."""
    if not version.summary_uri:
        return None
    from datasets.s3_objects import read_uri

    return parse_summary(json.loads(read_uri(version.summary_uri)))


def read_expected_errors(services: ModelServices, summary: TrainingSummary | None) -> ExpectedErrors | None:
    """Return the expected errors of a training at the routing policy's thresholds; None without scores."""
    if summary is None or not summary.out_of_fold:
        return None
    return compute_expected_errors(summary.out_of_fold, parse(services.settings.get_routing_policy()))


def _find_or_freeze(services: ModelServices, source: str, reason: str) -> "HoldOutManifest | None":
    from datasets import hold_out

    if not source:
        return hold_out.find_frozen(services.event_log, services.project)
    photos = _read_photos(source)
    with Progress("Freezing the hold-out", len(photos)) as progress:
        return hold_out.freeze(
            services.event_log,
            services.project,
            photos,
            services.bucket,
            at=timestamps.now(),
            actor=services.user,
            reason=reason,
            progress=lambda done, _unchanged: progress.show(done),
        )


def _read_photos(source: str) -> list["LabelledPhoto"]:
    from datasets.hold_out import photos_from_manifest_uri
    from datasets.labelled_photos import photos_from_folder

    if source.startswith("s3://"):
        return photos_from_manifest_uri(source)
    if not Path(source).is_dir():
        raise NotFound(f"{source} is neither a folder nor a manifest in S3")
    return photos_from_folder(Path(source), report_listing)


def _print_summary(summary: TrainingSummary) -> None:
    click.echo(
        f"On its own test set ({summary.test_images:,} photos; trained on {summary.training_images:,}): "
        f"F1 {summary.f1:.3f}, precision {summary.precision:.3f}, recall {summary.recall:.3f}\n"
    )
    titles = ("label", "photos", "precision", "recall", "F1", "assumed threshold")
    rows = [
        (
            label.label,
            f"{label.photos:,}",
            *("" if value is None else f"{value:.3f}" for value in (label.precision, label.recall, label.f1)),
            f"{label.threshold:.3f}",
        )
        for label in summary.labels
    ]
    print_table(titles, rows, titles[1:])
    label_names = sorted({truth for truth, _ in summary.confusion})
    click.echo("\nRows: true label. Columns: share of predictions.")
    totals = [sum(summary.confusion.get((truth, label), 0) for label in label_names) for truth in label_names]
    if any(abs(total - 1) > SUM_TOLERANCE for total in totals):
        click.echo("A photo may reach the threshold of several labels or of none: rows need not sum to one.")
    click.echo()
    cells = [
        [truth, *(f"{summary.confusion.get((truth, predicted), 0):.3f}" for predicted in label_names)]
        for truth in label_names
    ]
    print_table(("", *label_names), cells, label_names)


def _print_evaluation(evaluation: HoldOutEvaluation, expected: ExpectedErrors | None) -> None:
    """Print the rates of the hold-out, with the counts that the training predicts."""
    click.echo("\nOn the frozen hold-out, at the policy's thresholds:\n")
    rows = []
    for rate, words in RATES.items():
        found = getattr(evaluation, rate)
        predicted = ""
        if expected is not None:
            low, high = getattr(expected.rates, rate).predict_count(found.total)
            predicted = f"{low:,} – {high:,}"
        rows.append((words, *format_proportion(found), predicted))
    titles = ("what", "count", "share", "95 % interval", "predicted count")
    print_table(titles, rows, titles[1:])


def _summary_to_dict(summary: TrainingSummary | None) -> dict[str, Any] | None:
    if summary is None:
        return None
    return {
        "f1": summary.f1,
        "precision": summary.precision,
        "recall": summary.recall,
        "trained_on": summary.training_images,
        "tested_on": summary.test_images,
        "labels": [
            {
                "label": label.label,
                "photos": label.photos,
                "threshold": label.threshold,
                "precision": label.precision,
                "recall": label.recall,
                "f1": label.f1,
            }
            for label in summary.labels
        ],
        "confusion": [
            {"truth": truth, "predicted": predicted, "share": share}
            for (truth, predicted), share in summary.confusion.items()
        ],
    }
