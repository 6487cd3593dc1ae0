"""`partcheck model stop`."""

import click

from cli.context import CliContext
from cli.model.model_output import json_option, print_model, version_argument
from cli.model_services import open_model_services, project_options
from workflow.models import promotion


@click.command()
@version_argument
@project_options
@json_option
@click.pass_obj
def stop(context: CliContext, version: str, project: str, bucket: str, as_json: bool) -> None:
    """Stop a model and wait until it has stopped.

    A model that is starting can only be stopped after it has started; the command waits for that. Photos wait
    meanwhile. If the capacity policy has `on_demand`, the next photo starts the model again.

    \b
    Example:
      partcheck model stop
    """
    services = open_model_services(context, project, bucket)
    arn = services.find_version(version).arn
    print_model(services, promotion.ensure_stopped(services.registry, arn, "requested"), as_json)
