"""`partcheck stage smoke-test`: run a stage's functions, check its alarms, and send two photos through it."""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from cli.aws_options import aws_options, resolve_target
from cli.context import AwsTarget, CliContext, Environment, find_stack, find_stage_environment
from cli.output import format_duration, note, print_json_line, print_table
from cli.stage.smoke_decision import REVIEWER, decide_in_review_app
from workflow import timestamps
from workflow.errors import PartcheckError
from workflow.inspections.inspection import Inspection, InspectionState
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.serialization import verdict_or_status
from workflow.inspections.smoke_photos import KEY_PREFIX, NAME_PREFIX
from workflow.models.model import ModelStatus
from workflow.plurals import pluralize
from workflow.review.queue import is_expired

if TYPE_CHECKING:
    from workflow.aws.stack_outputs import StackOutputs

POLL_SECONDS = 1.0
SEED = 815


@dataclass(frozen=True, slots=True)
class SentPhoto:
    """An uploaded photo, and the monotonic time of its upload."""

    description: str
    image: Image
    sent_monotonic: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SmokeCheck:
    """The result of one check, and its fault, which is empty if it succeeded."""

    subject: str
    result: str
    fault: str = ""
    seconds: float = 0.0

    @property
    def succeeded(self) -> bool:
        """Return True if the check found no fault."""
        return not self.fault


@click.command()
@aws_options
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=180, show_default=True, help="Seconds to wait."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per check.")
@click.pass_obj
def smoke_test(
    context: CliContext, stage: str, profile: str, region: str, timeout: float, as_json: bool
) -> None:
    """Run each scheduled function of a stage once, check its alarms, and send two photos through it.

    The functions must run without an error, and the metric of each alarm must exist. One file is not a photo
    and is rejected. The other shows a generated part, which a person must decide: the key of a smoke test
    photo makes it unclear at any confidence. While no model runs, it goes to a person at once and starts no
    model. The command decides it by the requests of the review app, or waits for the reviewer who has it.
    Both messages carry "test": true. Afterwards the photos, their rows, archived executions and messages are
    deleted, and nothing else; audit entries stay. The exit code is 1 if a check failed.

    \b
    Example:
      partcheck stage smoke-test --stage prod
    """
    target = resolve_target(context, stage, profile, region)
    environment = find_stage_environment(target)
    checks = [*_check_stage(target), *_check_photos(environment, timeout)]
    if as_json:
        for result in checks:
            print_json_line(asdict(result) | {"succeeded": result.succeeded})
    else:
        rows = [(c.subject, "ok" if c.succeeded else "FAILED", c.result, f"{c.seconds:.1f}") for c in checks]
        print_table(("check", "", "result", "seconds"), rows, ("seconds",))
    if not all(result.succeeded for result in checks):
        click.get_current_context().exit(1)


def _check_stage(target: AwsTarget) -> Iterator[SmokeCheck]:
    """Run the scheduled functions, look for the metrics of the alarms, and ask the review app."""
    from deployment import smoke_checks
    from deployment.stacks import CloudFormationStacks

    stack, _ = find_stack(target)
    resources = CloudFormationStacks().resources(target.stack_name)
    functions = {r.logical_id: r.physical_id for r in resources if r.resource_type == "AWS::Lambda::Function"}
    for module, name in smoke_checks.find_scheduled_functions(functions).items():
        started = time.monotonic()
        fault = smoke_checks.run_function(name)
        yield SmokeCheck(
            subject=f"function {module}",
            result=fault or "ran",
            fault=fault,
            seconds=time.monotonic() - started,
        )
    alarms = [r.physical_id for r in resources if r.resource_type == "AWS::CloudWatch::Alarm"]
    known = {name for r in resources for name in (r.physical_id, r.physical_id.rpartition("/")[2])}
    missing = list(smoke_checks.find_metrics(alarms, known))
    faults = "; ".join(f"{alarm}: {fault} ({metric})" for alarm, metric, fault in missing if fault)
    text = f"{pluralize(len(alarms), 'alarm')}, {pluralize(len(missing), 'metric')} without data yet"
    yield SmokeCheck(subject="metrics of the alarms", result=faults or text, fault=faults)
    if url := stack.outputs.get("ReviewAppUrl"):
        fault = smoke_checks.check_review_app(url)
        yield SmokeCheck(subject="review app", result=fault or url, fault=fault)


def _check_photos(environment: Environment, timeout: float) -> Iterator[SmokeCheck]:
    sent = [_send(environment, *photo) for photo in _make_photos(environment.outputs)]
    for photo in sent:
        yield _follow(environment, photo, timeout)


def _make_photos(outputs: "StackOutputs") -> list[tuple[str, str, bytes]]:
    from local.sample_parts import generate_parts

    run = uuid.uuid4().hex[:8]
    if not _model_is_running(outputs.model_parameter):
        note("No model runs: the photo of a part goes to a person at once, and the model is not tested.")
    note(f"A person decides the photo of a part: its key begins with {KEY_PREFIX}{NAME_PREFIX}.")
    [part] = generate_parts(1, SEED, 0.0)
    return [
        ("not a photo", f"{NAME_PREFIX}{run}-text.jpg", b"This is not a photo."),
        ("a part for a person", f"{NAME_PREFIX}{run}-part.jpg", part.content),
    ]


def _model_is_running(parameter: str) -> bool:
    from workflow.aws.model_control_plane import RekognitionModelControlPlane
    from workflow.aws.model_settings import SsmModelSettings

    arn = SsmModelSettings(parameter).get_model()
    version = RekognitionModelControlPlane().describe(arn) if arn else None
    return version is not None and version.status is ModelStatus.RUNNING


def _send(environment: Environment, description: str, name: str, body: bytes) -> SentPhoto:
    note(f"Uploading {description} …")
    return SentPhoto(description, environment.inbox.put(f"{KEY_PREFIX}{name}", body), time.monotonic())


def _follow(environment: Environment, sent: SentPhoto, timeout: float) -> SmokeCheck:
    """Follow a photo to its message, check the message, and delete both."""
    from deployment.smoke_cleanup import delete_inspection, remove_message

    row = _wait_until_closed(environment, sent.image, sent.sent_monotonic + timeout)
    seconds = time.monotonic() - sent.sent_monotonic
    if row is None or row.state is not InspectionState.CLOSED:
        fault = f"not announced within {format_duration(timeout)}; it is left in place for analysis"
        return SmokeCheck(subject=sent.description, result=fault, fault=fault, seconds=seconds)
    removed = remove_message(environment.outputs.verdict_queue_url, row.announcement)
    delete_inspection(environment.outputs, row)
    is_marked = json.loads(row.announcement).get("test") is True
    fault = "" if is_marked else "its message does not say that it is a test"
    return SmokeCheck(
        subject=sent.description,
        result=f"{verdict_or_status(row)}, message {'removed' if removed else 'not found in the queue'}",
        fault=fault,
        seconds=seconds,
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
    """Decide the test photo in the review app. Return why not, if a reviewer has it."""
    from review_app.container import build_container

    now = timestamps.now()
    if row.lease is not None and not is_expired(row.lease, now) and row.lease.reviewer != REVIEWER:
        return f"{row.image.name}: assigned to {row.lease.reviewer}"
    if row.hold is not None:
        return f"{row.image.name}: on hold by {row.hold.reviewer}"
    try:
        decide_in_review_app(build_container(environment.outputs.to_settings()), row.id)
    except PartcheckError as error:
        return str(error)
    return ""
