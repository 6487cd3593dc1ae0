"""`partcheck model start`."""

import click

from cli.context import CliContext
from cli.model.model_output import json_option, print_model, version_argument
from cli.model_services import MAX_UNITS, open_model_services, project_options
from workflow.models import promotion


@click.command()
@version_argument
@project_options
@click.option(
    "--units", type=click.IntRange(1, MAX_UNITS), default=1, show_default=True, help="Inference units."
)
@json_option
@click.pass_obj
def start(context: CliContext, version: str, project: str, bucket: str, units: int, as_json: bool) -> None:
    """Start a model and wait until it runs. Each unit costs US$4 an hour on AWS.

    VERSION is a model's name or ARN. Without it, the model in use is started.

    \b
    Example:
      partcheck model start autumn --units 2
    """
    services = open_model_services(context, project, bucket)
    arn = services.find_version(version).arn
    print_model(services, promotion.ensure_running(services.registry, arn, units), as_json)
