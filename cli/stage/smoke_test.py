"""`partcheck stage smoke-test`: send two photos through a deployed stage and delete them afterwards."""

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from cli.aws_options import aws_options, resolve_target
from cli.context import CliContext, Environment, find_stage_environment
from cli.output import format_duration, note, print_json_line, print_table
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.serialization import verdict_or_status
from workflow.inspections.verdict import Verdict
from workflow.models.model import ModelStatus
from workflow.review import decisions

if TYPE_CHECKING:
    from workflow.aws.stack_outputs import StackOutputs

KEY_PREFIX, NAME_PREFIX = "partcheck-smoke", "partcheck-smoke-"
POLL_SECONDS = 1.0
SEED = 815


@dataclass(frozen=True, slots=True)
class SentPhoto:
    """An uploaded photo, and the monotonic time of its upload."""

    description: str
    image: Image
    sent_monotonic: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeResult:
    """The result of one photo of the smoke test."""

    description: str
    row: Inspection | None
    seconds: float
    message: str = ""

    @property
    def succeeded(self) -> bool:
        """Return True if the photo was judged, filed and announced."""
        return self.row is not None and self.row.state is InspectionState.CLOSED


@click.command()
@aws_options
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=180, show_default=True, help="Seconds to wait."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per photo.")
@click.pass_obj
def smoke_test(
    context: CliContext, stage: str, profile: str, region: str, timeout: float, as_json: bool
) -> None:
    """Send two photos through a stage and follow them to their verdict messages.

    One photo shows a generated part, the other file is not a photo. Without a running model both are not
    photos: a part would wait, and the smoke test starts no model. If a reviewer is asked, the smoke test
    decides its own photo, or waits for the reviewer who has it. Afterwards it deletes the photos, their rows,
    decisions, archived executions and messages, and nothing else. The exit code is 1 if one was not announced
    in time.

    \b
    Example:
      partcheck stage smoke-test --stage prod
    """
    target = resolve_target(context, stage, profile, region)
    environment = find_stage_environment(target)
    sent = [_send(environment, *photo) for photo in _make_photos(environment.outputs)]
    results = [_follow(environment, photo, timeout) for photo in sent]
    for result in results:
        if as_json:
            print_json_line(
                {
                    "photo": result.description,
                    "succeeded": result.succeeded,
                    "seconds": result.seconds,
                    "message": result.message,
                }
            )
    if not as_json:
        titles = ("photo", "verdict", "seconds", "message")
        print_table(titles, [_cells(result) for result in results], ("seconds",))
    if not all(result.succeeded for result in results):
        click.get_current_context().exit(1)


def _make_photos(outputs: "StackOutputs") -> list[tuple[str, str, bytes]]:
    from local.sample_parts import generate_parts

    run = uuid.uuid4().hex[:8]
    text = ("not a photo", f"{NAME_PREFIX}{run}-text.jpg", b"This is not a photo.")
    if not _model_is_running(outputs.model_parameter):
        note("No model is running: both test files are invalid photos, and the model is not tested.")
        return [text, ("an empty file", f"{NAME_PREFIX}{run}-empty.jpg", b"")]
    [part] = generate_parts(1, SEED, 0.0)
    return [("a generated part", f"{NAME_PREFIX}{run}-part.jpg", part.content), text]


def _model_is_running(parameter: str) -> bool:
    from workflow.aws.model_control_plane import RekognitionModelControlPlane
    from workflow.aws.model_settings import SsmModelSettings

    arn = SsmModelSettings(parameter).get_model()
    version = RekognitionModelControlPlane().describe(arn) if arn else None
    return version is not None and version.status is ModelStatus.RUNNING


def _send(environment: Environment, description: str, name: str, body: bytes) -> SentPhoto:
    note(f"Uploading {description} …")
    return SentPhoto(description, environment.inbox.put(f"{KEY_PREFIX}/{name}", body), time.monotonic())


def _follow(environment: Environment, sent: SentPhoto, timeout: float) -> SmokeResult:
    from deployment.smoke_cleanup import delete_inspection, remove_message

    row = _wait_until_closed(environment, sent.image, sent.sent_monotonic + timeout)
    seconds = time.monotonic() - sent.sent_monotonic
    if row is None or row.state is not InspectionState.CLOSED:
        note(
            f"{sent.description}: not announced within {format_duration(timeout)}. "
            "It is left in place for analysis."
        )
        return SmokeResult(description=sent.description, row=row, seconds=seconds)
    removed = remove_message(environment.outputs.verdict_queue_url, row.announcement)
    delete_inspection(environment.outputs, row)
    return SmokeResult(
        description=sent.description,
        row=row,
        seconds=seconds,
        message="removed" if removed else "not found in the queue",
    )


def _wait_until_closed(environment: Environment, image: Image, deadline: float) -> Inspection | None:
    """Return the photo's row when it is closed, or as it is at the deadline."""
    last_refusal = ""
    while True:
        row = environment.inspections.get(inspection_id(image))
        if row is not None and row.state is InspectionState.CLOSED:
            return row
        if row is not None and row.state is InspectionState.WAITING and row.decision is None:
            refusal = _decide(environment, row)
            if refusal and refusal != last_refusal:
                note(f"Waiting for the reviewer. {refusal}.")
                last_refusal = refusal
        if time.monotonic() > deadline:
            return row
        time.sleep(POLL_SECONDS)


def _decide(environment: Environment, row: Inspection) -> str:
    """Decide the test photo. Return why not, if a reviewer has it or decided it already."""
    try:
        decisions.decide(
            environment.inspections,
            environment.decision_queue,
            row.id,
            verdict=Verdict.OK,
            reviewer="partcheck smoke-test",
            reason="smoke test",
        )
    except Conflict as error:
        return str(error)
    return ""


def _cells(result: SmokeResult) -> tuple[str, ...]:
    return (
        result.description,
        verdict_or_status(result.row) if result.row else "not seen",
        f"{result.seconds:.1f}",
        result.message,
    )
