"""Models that run while a stage is taken away: its own are stopped, others' are named with what they cost."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from cli.model_bench import CLOCK
from cli.output import note
from workflow.errors import ConfigurationError, PartcheckError
from workflow.models.capacity_policy import HANDS_OFF, PowerPolicy
from workflow.models.model import UP, USD_PER_UNIT_HOUR, Clock, Models, ModelVersion, Status
from workflow.models.promotion import START_PATIENCE

if TYPE_CHECKING:
    from workflow.aws.stacks import Stack

OWNING = ("train", "start", "promote", "rollback")
LOOK_SECONDS = 5.0


class AllModels(Models, Protocol):
    """The control plane, project by project."""

    def projects(self) -> list[str]:
        """The names of all projects."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Which models are whose.

    A stage's own are the one in use, those that its record says it trained, started or put to use, and those
    that were trained into its bucket; but what `others` use, by ARN with the stack's name, is theirs.
    """

    own: frozenset[str]
    bucket: str
    others: Mapping[str, str]

    def claim(self, version: ModelVersion) -> bool:
        """Whether the stage may stop this model."""
        trained_here = bool(self.bucket) and version.summary.startswith(f"s3://{self.bucket}/")
        return version.arn not in self.others and (version.arn in self.own or trained_here)


def claims(parameter: str, audit_table: str, bucket: str, others: "Iterable[Stack]") -> Claims:
    """What is known of the models; a name is empty where the resource is gone already."""
    from workflow.aws.model_record import LIFE, POWER, DynamoRecord
    from workflow.aws.model_settings import ParameterSettings

    own = {ParameterSettings(parameter).model()} if parameter else set()
    if audit_table:
        books = (DynamoRecord(audit_table, book) for book in (LIFE, POWER))
        own |= {event.after for book in books for event in book.events(*OWNING)}
    used = {
        ParameterSettings(other.outputs["ModelParameter"]).model(): other.name
        for other in others
        if "ModelParameter" in other.outputs
    }
    return Claims(frozenset(own - {""}), bucket, used)


class Power(Protocol):
    """The stage's power policy."""

    def power(self) -> PowerPolicy:
        """As it is."""

    def set_power(self, text: str) -> None:
        """Replace it."""


def hands_off(settings: Power) -> None:
    """From now on the stage starts no model; without a power policy it never does."""
    with suppress(ConfigurationError):  # One that cannot be read is replaced too.
        if settings.power() == HANDS_OFF:
            return
    settings.set_power(json.dumps(asdict(HANDS_OFF)))
    note("The stage starts no model by itself any more.")


def halt(models: AllModels, known: Claims, clock: Clock = CLOCK) -> dict[str, str]:
    """Stop the stage's models and prove that they stopped; returns what else runs, and why it was left."""
    versions = [one for project in models.projects() for one in models.of_project(project)]
    up = [one for one in versions if one.status in UP]
    own = [one for one in up if known.claim(one)]
    for version in own:
        note(f"Stopping model {version.name} of project {version.project} …")
        end = _stopped(models, version, clock)
        note(f"Model {version.name} is {end}: it costs nothing any more.")
    if not own:
        note("No model of this stage runs.")
    return {one.arn: _left(one, known.others.get(one.arn, "")) for one in up if one not in own}


def _stopped(models: Models, version: ModelVersion, clock: Clock) -> str:
    """Ask for the stop until the model is down, however that came about; what it is then, in words.

    One that is starting can only be stopped when it runs, and may never come to that.
    """
    begun = clock.seconds()
    while (now := models.describe(version.arn)) is not None and now.status in (*UP, Status.STOPPING):
        if clock.seconds() - begun > START_PATIENCE:
            raise PartcheckError(f"Model {now.name} is still {now.status}: it costs money; try again")
        if now.status is Status.RUNNING:
            models.stop(now.arn)
        clock.sleep(LOOK_SECONDS)
    return now.status.value.lower() if now else "gone"


def _left(version: ModelVersion, user: str) -> str:
    daily = f"US${24 * USD_PER_UNIT_HOUR * max(version.units, 1):.0f} a day"
    return f"{daily}: {user} uses it" if user else f"{daily}: it runs, and is not known as this stage's"
