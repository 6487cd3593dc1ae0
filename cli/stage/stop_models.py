"""Stop the models of a stage that is deleted, and list the other running models with their cost."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Protocol

from cli.model_services import CLOCK
from cli.output import note
from workflow.errors import ConfigurationError, PartcheckError
from workflow.models.capacity_policy import DISABLED, CapacityPolicy
from workflow.models.model import (
    ACTIVE_STATUSES,
    USD_PER_UNIT_HOUR,
    ModelControlPlane,
    ModelStatus,
    ModelVersion,
    MonotonicClock,
)
from workflow.models.promotion import START_TIMEOUT_SECONDS, ModelAction

if TYPE_CHECKING:
    from deployment.stacks import Stack

OWNERSHIP_ACTIONS = (ModelAction.TRAIN, ModelAction.START, ModelAction.PROMOTE, ModelAction.ROLLBACK)
POLL_SECONDS = 5.0


class ProjectModels(ModelControlPlane, Protocol):
    """The control plane with all its projects."""

    def list_projects(self) -> list[str]:
        """Return the names of all projects."""


@dataclass(frozen=True, slots=True)
class ModelOwnership:
    """The models that belong to a stage, and those that other stages use.

    The stage owns the model in use, the models that its event log says it trained, started or put to use, and
    those that were trained into its bucket, except the models that `others` use (ARN to stack name).
    """

    own: frozenset[str]
    bucket: str
    others: Mapping[str, str]

    def owns(self, version: ModelVersion) -> bool:
        """Return True if the stage may stop this model."""
        trained_here = bool(self.bucket) and version.summary_uri.startswith(f"s3://{self.bucket}/")
        return version.arn not in self.others and (version.arn in self.own or trained_here)


def read_ownership(
    parameter: str, audit_table: str, bucket: str, others: "Iterable[Stack]"
) -> ModelOwnership:
    """Read which models belong to the stage. A name is empty if the resource is deleted already."""
    from workflow.aws.model_event_log import CAPACITY_EVENTS, LIFECYCLE_EVENTS, DynamoModelEventLog
    from workflow.aws.model_settings import SsmModelSettings

    own = {SsmModelSettings(parameter).get_model()} if parameter else set()
    if audit_table:
        event_logs = (DynamoModelEventLog(audit_table, name) for name in (LIFECYCLE_EVENTS, CAPACITY_EVENTS))
        own |= {event.after for event_log in event_logs for event in event_log.events(*OWNERSHIP_ACTIONS)}
    used = {
        SsmModelSettings(other.outputs["ModelParameter"]).get_model(): other.name
        for other in others
        if "ModelParameter" in other.outputs
    }
    return ModelOwnership(frozenset(own - {""}), bucket, used)


class CapacitySettings(Protocol):
    """The stage's capacity policy."""

    def get_capacity_policy(self) -> CapacityPolicy:
        """Return the policy."""

    def set_capacity_policy(self, text: str) -> None:
        """Replace the policy."""


def disable_capacity_manager(settings: CapacitySettings) -> None:
    """Replace the capacity policy, so that the stage starts no model. Without a policy it never does."""
    with suppress(ConfigurationError):  # An invalid policy is replaced too.
        if settings.get_capacity_policy() == DISABLED:
            return
    settings.set_capacity_policy(json.dumps(asdict(DISABLED)))
    note("The stage does not start models by itself any more.")


def stop_models(
    models: ProjectModels, ownership: ModelOwnership, clock: MonotonicClock = CLOCK
) -> dict[str, str]:
    """Stop the stage's models and wait for that. Return the other running models with the reason."""
    versions = [version for project in models.list_projects() for version in models.list_versions(project)]
    running = [version for version in versions if version.status in ACTIVE_STATUSES]
    own = [version for version in running if ownership.owns(version)]
    for version in own:
        note(f"Stopping model {version.name} of project {version.project} …")
        status = _stop_and_wait(models, version, clock)
        note(f"Model {version.name} is {status}: it costs nothing any more.")
    if not own:
        note("No model of this stage is running.")
    return {
        version.arn: _describe_running(version, ownership.others.get(version.arn, ""))
        for version in running
        if version not in own
    }


def _stop_and_wait(models: ModelControlPlane, version: ModelVersion, clock: MonotonicClock) -> str:
    """Request the stop until the model is not active any more. Return its status in lower case, or `gone`.

    A model that is starting can only be stopped when it runs, and its start may fail.
    """
    started = clock.seconds()
    while (current := models.describe(version.arn)) is not None and current.status in (
        *ACTIVE_STATUSES,
        ModelStatus.STOPPING,
    ):
        if clock.seconds() - started > START_TIMEOUT_SECONDS:
            raise PartcheckError(f"Model {current.name} is still {current.status} and costs money: try again")
        if current.status is ModelStatus.RUNNING:
            models.stop(current.arn)
        clock.sleep(POLL_SECONDS)
    return current.status.value.lower() if current else "gone"


def _describe_running(version: ModelVersion, user: str) -> str:
    daily = f"US${24 * USD_PER_UNIT_HOUR * max(version.units, 1):.0f} a day"
    return f"{daily}: {user} uses it" if user else f"{daily}: it does not belong to this stage"
