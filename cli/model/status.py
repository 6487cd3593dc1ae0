"""`partcheck model status`."""

import click

from cli.context import CliContext
from cli.model.model_output import json_option, print_model, version_argument
from cli.model_services import open_model_services, project_options
from workflow.models.reference_summary import summarize_reference


@click.command()
@version_argument
@project_options
@json_option
@click.pass_obj
def status(context: CliContext, version: str, project: str, bucket: str, as_json: bool) -> None:
    """Show a model's state: since when it runs, on how many units, and what that has cost.

    The second line says how many parts the model learned, or that unusual photos are not recognised.

    \b
    Examples:
      partcheck model status
      partcheck model status autumn --json
    """
    services = open_model_services(context, project, bucket)
    model = services.find_version(version)
    print_model(services, model, as_json)
    if not as_json:
        click.echo(f"Reference: {summarize_reference(services.references.get(model.arn))}")
