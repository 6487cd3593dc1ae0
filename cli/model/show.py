"""`partcheck model show`."""

import click

from cli.context import CliContext
from cli.model.evaluate import read_expected_errors, read_training_summary
from cli.model.expected_errors_output import expected_errors_to_dict, print_expected_errors
from cli.model.model_output import json_option, print_model, version_argument
from cli.model.reference_output import print_proposal, print_reference
from cli.model_services import open_model_services, project_options


@click.command()
@version_argument
@project_options
@json_option
@click.pass_obj
def show(context: CliContext, version: str, project: str, bucket: str, as_json: bool) -> None:
    """Show a model's state, the errors to expect of it, and how the photos look that it learned from.

    The errors are those on parts that the model did not learn from, at the thresholds of the routing policy.
    The reference tells the ranges of light, contrast, focus and colour, and how many usual photos it is
    expected to stop. If a person proposed another one, it is shown with its differences.

    \b
    Examples:
      partcheck model show
      partcheck model show autumn --json
    """
    services = open_model_services(context, project, bucket)
    model = services.find_version(version)
    expected = read_expected_errors(services, read_training_summary(model))
    print_model(services, model, as_json, expected=expected_errors_to_dict(expected))
    if as_json:
        return
    print_expected_errors(expected)
    print_reference(services.references.get(model.arn))
    print_proposal(services.reference_store, model.arn)
