"""`partcheck model delete`."""

import click

from cli.context import CliContext
from cli.model_services import open_model_services, project_options
from cli.output import note, print_json_line
from workflow import timestamps
from workflow.errors import ConfigurationError, Conflict
from workflow.models.model import RequestResult
from workflow.models.promotion import ModelAction, ModelEvent


@click.command()
@click.argument("version")
@project_options
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print the deleted model as one JSON object.")
@click.pass_obj
def delete(context: CliContext, version: str, project: str, bucket: str, yes: bool, as_json: bool) -> None:
    """Delete a model permanently.

    The model in use cannot be deleted. Photos, data sets and reports stay.

    \b
    Example:
      partcheck model delete spring --yes
    """
    services = open_model_services(context, project, bucket)
    target = services.find_version(version)
    if target.arn == services.settings.get_model():
        raise ConfigurationError(f"Model {target.name} is in use: promote another one first")
    if not yes:
        click.confirm(f"Delete model {target.name} of project {target.project}?", abort=True, err=True)
    result = services.models.delete(target.arn)
    if result is not RequestResult.ACCEPTED:
        raise Conflict(f"Model {target.name} is {target.status} and cannot be deleted: {result}")
    services.event_log.add(
        ModelEvent(at=timestamps.now(), actor=services.user, action=ModelAction.DELETE, after=target.arn)
    )
    if as_json:
        print_json_line({"model": target.arn})
    note(f"Model {target.name} is being deleted.")
