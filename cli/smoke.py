"""`partcheck smoke`: two photos through a deployed stage, followed to their messages, then forgotten."""

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from cli.output import duration, json_line, note, table
from cli.place import chosen_place, placed_on_aws
from cli.reach import Chosen, Reached, find_stage
from workflow.errors import Conflict
from workflow.inspections.inspection import Inspection, State
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.serialization import verdict
from workflow.inspections.verdict import Verdict
from workflow.models.model import Status
from workflow.review import decisions

if TYPE_CHECKING:
    from workflow.aws.site import Site

FOLDER, NAME = "partcheck-smoke", "partcheck-smoke-"
LOOK_SECONDS = 1.0
SEED = 815


@dataclass(frozen=True, slots=True)
class Sent:
    """A photo on its way, and when it was sent."""

    what: str
    image: Image
    at: float


@dataclass(frozen=True, slots=True)
class Followed:
    """One photo of the smoke test with what became of it."""

    what: str
    row: Inspection | None
    seconds: float
    message: str = ""

    @property
    def well(self) -> bool:
        """Whether it was judged, filed and announced."""
        return self.row is not None and self.row.state is State.CLOSED


@click.command()
@placed_on_aws
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=180, show_default=True, help="Seconds to wait."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a photo.")
@click.pass_obj
def smoke(chosen: Chosen, stage: str, profile: str, region: str, timeout: float, as_json: bool) -> None:
    """Send two photos through a stage and follow them to their messages.

    One is a generated part, the other is no photo at all. Without a running model both are no photos: a part
    would wait, and smoke starts no model. If a person is asked, smoke answers for its own photo, or waits for
    whoever has it. Afterwards the photos, their rows, decisions, archived executions and messages are taken
    away; nothing else is touched. Exit code 1 if one of them was not announced in time.

    \b
    Example:
      partcheck smoke --stage prod
    """
    place = chosen_place(chosen, stage, profile, region)
    line = find_stage(place)
    sent = [_sent(line, *photo) for photo in _photos(line.site)]
    done = [_followed(line, one, timeout) for one in sent]
    for one in done:
        if as_json:
            json_line({"photo": one.what, "well": one.well, "seconds": one.seconds, "message": one.message})
    if not as_json:
        titles = ("photo", "verdict", "seconds", "message")
        table(titles, [_cells(one) for one in done], ("seconds",))
    if not all(one.well for one in done):
        click.get_current_context().exit(1)


def _photos(site: "Site") -> list[tuple[str, str, bytes]]:
    from local.sample_parts import sample_parts

    run = uuid.uuid4().hex[:8]
    text = ("not a photo", f"{NAME}{run}-text.jpg", b"This is not a photo.")
    if not _model_runs(site.model_parameter):
        note("No model runs, so that the way through the model is not tried: both files are no photos.")
        return [text, ("an empty file", f"{NAME}{run}-empty.jpg", b"")]
    [part] = sample_parts(1, SEED, 0.0)
    return [("a generated part", f"{NAME}{run}-part.jpg", part.content), text]


def _model_runs(parameter: str) -> bool:
    from workflow.aws.model_settings import ParameterSettings
    from workflow.aws.models import RekognitionModels

    arn = ParameterSettings(parameter).model()
    version = RekognitionModels().describe(arn) if arn else None
    return version is not None and version.status is Status.RUNNING


def _sent(line: Reached, what: str, name: str, body: bytes) -> Sent:
    note(f"Uploading {what} …")
    return Sent(what, line.inbox.put(f"{FOLDER}/{name}", body), time.monotonic())


def _followed(line: Reached, sent: Sent, timeout: float) -> Followed:
    from workflow.aws.traces import forget, take_message

    row = _closed(line, sent.image, sent.at + timeout)
    seconds = time.monotonic() - sent.at
    if row is None or row.state is not State.CLOSED:
        note(
            f"{sent.what}: not announced within {duration(timeout)}; it is left where it is, to be looked at."
        )
        return Followed(sent.what, row, seconds)
    taken = take_message(line.site.verdict_queue_url, row.announcement)
    forget(line.site, row)
    return Followed(sent.what, row, seconds, "taken back" if taken else "not found in the queue")


def _closed(line: Reached, image: Image, until: float) -> Inspection | None:
    """The photo's row when it is closed, or as it is when the time is up."""
    told = ""
    while True:
        row = line.ledger.get(inspection_id(image))
        if row is not None and row.state is State.CLOSED:
            return row
        if row is not None and row.state is State.WAITING and row.decision is None:
            refusal = _answered(line, row)
            if refusal and refusal != told:
                note(f"{refusal}; waiting for that person.")
                told = refusal
        if time.monotonic() > until:
            return row
        time.sleep(LOOK_SECONDS)


def _answered(line: Reached, row: Inspection) -> str:
    """Answer for smoke's photo; why not, if a person has it or was quicker."""
    try:
        decisions.decide(line.ledger, line.decisions, row.id, Verdict.OK, "partcheck smoke", "smoke test")
    except Conflict as refusal:
        return str(refusal)
    return ""


def _cells(one: Followed) -> tuple[str, ...]:
    return (one.what, verdict(one.row) if one.row else "not seen", f"{one.seconds:.1f}", one.message)
