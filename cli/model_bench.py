"""What the `partcheck model` commands share: their options, and the ports to a line's models."""

import getpass
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from cli.output import note
from cli.reach import Chosen, Reached
from workflow import timestamps
from workflow.errors import NotFound
from workflow.models.model import Clock, ModelVersion
from workflow.models.promotion import Desk

if TYPE_CHECKING:
    from workflow.aws.model_record import DynamoRecord
    from workflow.aws.model_settings import ParameterSettings
    from workflow.aws.models import RekognitionModels

PROJECT = "parts"
CLOCK = Clock(time.monotonic, time.sleep)


@dataclass(frozen=True, slots=True)
class Bench:
    """A reached line with everything that its models need."""

    line: Reached
    project: str
    bucket: str
    who: str
    models: "RekognitionModels"
    settings: "ParameterSettings"
    record: "DynamoRecord"
    power_log: "DynamoRecord"

    @property
    def desk(self) -> Desk:
        """What promoting and rolling back need."""
        return Desk(self.models, self.settings, self.record, CLOCK, timestamps.now, self.who, note)

    def version(self, text: str) -> ModelVersion:
        """The model with this ARN, else the one with this name; without either the model in use."""
        wanted = text or self.settings.model()
        if not wanted:
            raise NotFound("No model is in use: name one")
        if wanted.startswith("arn:"):
            found = self.models.describe(wanted)
            if found is None:
                raise NotFound(f"The model {wanted} does not exist")
            return found
        for project in self._projects():
            for one in self.models.of_project(project):
                if one.name == wanted:
                    return one
        raise NotFound(f"No project has a model named {wanted}")

    def _projects(self) -> Iterator[str]:
        """The chosen project, and only then the others."""
        yield self.project
        yield from (name for name in self.models.projects() if name != self.project)


def bench(chosen: Chosen, project: str = PROJECT, bucket: str = "") -> Bench:
    """The models of the line that was chosen."""
    line = chosen.reach()
    from workflow.aws.model_record import POWER, DynamoRecord
    from workflow.aws.model_settings import ParameterSettings
    from workflow.aws.models import RekognitionModels

    site = line.site
    return Bench(
        line,
        project,
        bucket or line.site.training_bucket,
        _login_name(),
        RekognitionModels(),
        ParameterSettings(site.model_parameter, site.policy_parameter),
        DynamoRecord(site.audit_table),
        DynamoRecord(site.audit_table, POWER),
    )


def placed(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --project and --bucket."""
    command = click.option(
        "--bucket",
        default="",
        envvar="PARTCHECK_TRAINING_BUCKET",
        show_envvar=True,
        help="Bucket for photos, manifests and reports, in the model's region.  [default: the line's own]",
    )(command)
    return click.option("--project", default=PROJECT, show_default=True, help="The Custom Labels project.")(
        command
    )


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
