"""Options and adapters that the commands about data sets and models share."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cli.context import CliContext, Environment
from cli.login_name import login_name
from cli.output import note
from cli.printed_command import printed_command
from workflow import timestamps
from workflow.errors import NotFound
from workflow.inspections.model_reference import ReferenceRepository
from workflow.models.model import ModelVersion, MonotonicClock
from workflow.models.promotion import ModelRegistry
from workflow.models.reference_update import ReferenceStore, ReferenceUpdates

if TYPE_CHECKING:
    from lambdas.own_model_detector import OwnModelDetector
    from workflow.aws.detector import RekognitionDetector
    from workflow.aws.model_event_log import DynamoModelEventLog
    from workflow.aws.model_settings import SsmModelSettings
    from workflow.aws.own_models import ModelControlPlaneOfAllKinds

DEFAULT_PROJECT = "parts"
MAX_UNITS = 5
CLOCK = MonotonicClock(time.monotonic, time.sleep)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelServices:
    """The adapters of an environment for its models. `user` is recorded with each change."""

    environment: Environment
    project: str
    bucket: str
    user: str
    models: "ModelControlPlaneOfAllKinds"
    settings: "SsmModelSettings"
    event_log: "DynamoModelEventLog"
    capacity_log: "DynamoModelEventLog"
    references: ReferenceRepository
    updates: ReferenceUpdates

    @property
    def registry(self) -> ModelRegistry:
        """Return the adapters that promotion and rollback need."""
        return ModelRegistry(
            control_plane=self.models,
            settings=self.settings,
            event_log=self.event_log,
            clock=CLOCK,
            now=timestamps.now,
            actor=self.user,
            report_progress=note,
        )

    @property
    def reference_store(self) -> ReferenceStore:
        """Return the adapters that changes of references need."""
        return ReferenceStore(
            references=self.references,
            updates=self.updates,
            event_log=self.event_log,
            now=timestamps.now,
            actor=self.user,
        )

    def build_detector(self, model: str) -> "RekognitionDetector | OwnModelDetector":
        """Return the adapter that asks a model of any kind."""
        from lambdas.detectors import build_detector

        return build_detector(model, self.models.own, self.environment.objects)

    def find_version(self, text: str) -> ModelVersion:
        """Return the model with this ARN or name. An empty text means the model in use.

        Raise NotFound if there is none.
        """
        wanted = text or self.settings.get_model()
        if not wanted:
            raise NotFound(f"No model is in use: name one of `{printed_command('model list')}`, or train one")
        if wanted.startswith("arn:"):
            version = self.models.describe(wanted)
            if version is None:
                raise NotFound(f"The model {wanted} does not exist: see `{printed_command('model list')}`")
            return version
        for project in self._projects():
            for version in self.models.list_versions(project):
                if version.name == wanted:
                    return version
        raise NotFound(f"No project has a model named {wanted}: see `{printed_command('model list')}`")

    def _projects(self) -> Iterator[str]:
        """Yield the selected project, then the others."""
        yield self.project
        yield from (name for name in self.models.list_projects() if name != self.project)


def open_model_services(
    context: CliContext, project: str = DEFAULT_PROJECT, bucket: str = ""
) -> ModelServices:
    """Build the model adapters of the selected environment. Without a bucket its training bucket is used."""
    return build_model_services(context.environment(), project, bucket)


def build_model_services(
    environment: Environment, project: str = DEFAULT_PROJECT, bucket: str = ""
) -> ModelServices:
    """Build the model adapters of an environment. Without a bucket its training bucket is used."""
    from workflow.aws.container import AwsContainer

    container = AwsContainer(environment.outputs.to_settings())
    return ModelServices(
        environment=environment,
        project=project,
        bucket=bucket or environment.outputs.training_bucket,
        user=login_name(),
        models=container.models_of_all_kinds,
        settings=container.model_settings,
        event_log=container.model_event_log,
        capacity_log=container.capacity_event_log,
        references=container.references,
        updates=container.reference_updates,
    )


def project_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --project and --bucket to a command."""
    command = click.option(
        "--bucket",
        default="",
        envvar="PARTCHECK_TRAINING_BUCKET",
        show_envvar=True,
        help="The bucket for photos, manifests and reports, in the model's region.  "
        "[default: the environment's training bucket]",
    )(command)
    return click.option(
        "--project", default=DEFAULT_PROJECT, show_default=True, help="The Custom Labels project."
    )(command)
