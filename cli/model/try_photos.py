"""`partcheck model try`: what model, guard and policy say of photos on this machine. Nothing is stored."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.context import CliContext
from cli.model.reference_output import warn_of_missing_reference
from cli.model_services import ModelServices, open_model_services, project_options
from cli.output import (
    escape_unprintable,
    format_confidence,
    note,
    print_json_line,
    print_table,
    shorten_reasons,
)
from cli.photo_paths import find_photos
from cli.printed_command import printed_command
from cli.progress import Progress
from workflow.errors import ConfigurationError, PartcheckError
from workflow.inspections.model_reference import MEASURE_NAMES, ModelReference
from workflow.inspections.photo_guard import explain_unusual
from workflow.inspections.routing_policy import RoutingPolicy, apply_threshold, parse
from workflow.inspections.verdict import Prediction, Verdict
from workflow.models.model import ModelStatus, ModelVersion
from workflow.photos.measures import PhotoMeasures
from workflow.photos.validation import validate
from workflow.photos.validation_result import Rejection
from workflow.pipeline.detection import ImageRefused, ModelAnswer

if TYPE_CHECKING:
    from lambdas.own_model_detector import OwnModelDetector
    from workflow.aws.detector import RekognitionDetector

NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoTrial:
    """The answers for one photo. Without a prediction, `problem` says why there is none."""

    path: Path
    prediction: Prediction | None = None
    rejected: bool = False
    problem: str = ""
    measures: PhotoMeasures | None = None

    @property
    def verdict(self) -> str:
        """Return the verdict that the photo would get, or NOT_JUDGED."""
        if self.rejected:
            return Verdict.REJECTED.value
        return apply_threshold(self.prediction).value if self.prediction else NOT_JUDGED


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """The model, its reference and the routing policy that photos are tried with."""

    detector: "RekognitionDetector | OwnModelDetector"
    reference: ModelReference | None
    policy: RoutingPolicy

    def judge(self, path: Path) -> PhotoTrial:
        """Judge one file by the steps of the pipeline. Raise OSError if it cannot be read."""
        from vision.photo_decoding import PhotoError
        from vision.photo_measures import measure_photo

        content = path.read_bytes()
        result = validate(content)
        if isinstance(result, Rejection):
            return PhotoTrial(path=path, rejected=True, problem=result.detail)
        try:
            measures = PhotoMeasures(**measure_photo(content))
        except PhotoError as error:
            unmeasured = (f"its light and shape could not be measured ({error})",)
            return self._ask_model(path, content, None, unmeasured)
        unusual = explain_unusual(measures, self.reference) if self.reference else ()
        return self._ask_model(path, content, measures, unusual)

    def _ask_model(
        self, path: Path, content: bytes, measures: PhotoMeasures | None, unusual: tuple[str, ...]
    ) -> PhotoTrial:
        from workflow.aws.detector import MAX_INLINE_BYTES

        if len(content) > MAX_INLINE_BYTES:
            problem = f"the model is asked about files of at most {MAX_INLINE_BYTES:,} bytes"
            return PhotoTrial(path=path, problem="; ".join((*unusual, problem)), measures=measures)
        answer = self.detector.detect_labels_in_bytes(content)
        if isinstance(answer, ModelAnswer):
            prediction = self.policy.predict(answer.scores, answer.model, unusual)
            return PhotoTrial(path=path, prediction=prediction, measures=measures)
        if isinstance(answer, ImageRefused):
            return PhotoTrial(path=path, rejected=True, problem=answer.detail, measures=measures)
        problem = getattr(answer, "reason", "") or getattr(answer, "detail", "")
        return PhotoTrial(path=path, problem="; ".join((*unusual, problem)), measures=measures)


@click.command("try")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--model", "version", default="", help="The model to ask.  [default: the model in use]")
@project_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per photo, one per line.")
@click.pass_obj
def try_photos(
    context: CliContext, paths: tuple[Path, ...], version: str, project: str, bucket: str, as_json: bool
) -> None:
    """Show the verdicts that photos would get, without an upload.

    Model, photo guard and routing policy judge the files as they judge uploads: for the person who sets up a
    camera or a light. Nothing is stored, filed or announced. PATHS are photos and folders. The exit code is 1
    if a photo is rejected or was not judged.

    \b
    Examples:
      partcheck model try part.jpg
      partcheck model try --json test-shots/ | jq -r 'select(.unusual != []) | .path'
    """
    photos, left_out = find_photos(paths)
    if left_out:
        note(left_out)
    if not photos:
        raise click.UsageError("The paths contain no photo.")
    services = open_model_services(context, project, bucket)
    model = services.find_version(version)
    judges = _find_judges(services, model)
    trials = _judge_all(judges, [photo.path for photo in photos], as_json)
    if not as_json:
        titles = ("photo", "verdict", "label", "confidence", "threshold", "reason")
        print_table(titles, map(_cells, trials), ("confidence", "threshold"))
    if any(trial.prediction is None for trial in trials):
        click.get_current_context().exit(1)


def _find_judges(services: ModelServices, model: ModelVersion) -> Judges:
    """Return model, reference and policy.

    Raise PartcheckError if the model does not run, ConfigurationError for the reference of another model.
    """
    if model.status is not ModelStatus.RUNNING:
        raise PartcheckError(
            f"Model {model.name} is {model.status}: start it with "
            f"`{printed_command(f'model start {shlex.quote(model.name)}')}`"
        )
    reference = services.references.get(model.arn)
    if reference is not None and reference.model != model.arn:
        raise ConfigurationError(
            f"The reference of {model.arn} was made for {reference.model}: make it again"
        )
    if reference is None:
        note(warn_of_missing_reference(model.name))
    return Judges(
        detector=services.build_detector(model.arn),
        reference=reference,
        policy=parse(services.settings.get_routing_policy()),
    )


def _judge_all(judges: Judges, paths: Sequence[Path], as_json: bool) -> list[PhotoTrial]:
    """Judge the photos in their order. With `as_json` each is printed when it is judged."""
    trials = []
    with Progress("Judging", len(paths)) as progress:
        for trial in _judge_each(judges, paths):
            trials.append(trial)
            progress.show(len(trials))
            if as_json:
                print_json_line(_to_dict(trial))
    return trials


def _judge_each(judges: Judges, paths: Sequence[Path]) -> Iterator[PhotoTrial]:
    for path in paths:
        try:
            yield judges.judge(path)
        except OSError as error:
            yield PhotoTrial(path=path, problem=error.strerror or str(error))


def _cells(trial: PhotoTrial) -> tuple[str, ...]:
    prediction = trial.prediction
    return (
        escape_unprintable(str(trial.path)),
        trial.verdict,
        prediction.label if prediction else "",
        format_confidence(prediction.confidence if prediction else None),
        format_confidence(prediction.threshold if prediction else None),
        _reason(trial),
    )


def _reason(trial: PhotoTrial) -> str:
    if trial.prediction is None:
        return trial.problem
    if trial.prediction.unusual:
        return f"unusual: {shorten_reasons(trial.prediction.unusual)}"
    return trial.prediction.note


def _to_dict(trial: PhotoTrial) -> dict[str, Any]:
    prediction, measures = trial.prediction, trial.measures
    return {
        "path": str(trial.path),
        "verdict": trial.verdict,
        "label": prediction.label if prediction else None,
        "confidence": prediction.confidence if prediction else None,
        "threshold": prediction.threshold if prediction else None,
        "scores": {score.label: score.confidence for score in prediction.scores} if prediction else {},
        "unusual": list(prediction.unusual) if prediction else [],
        "problem": (prediction.note if prediction else trial.problem) or None,
        "measures": {name: getattr(measures, name) for name in MEASURE_NAMES} if measures else None,
    }
