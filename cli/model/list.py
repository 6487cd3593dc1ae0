"""`partcheck model list`."""

from typing import Any

import click

from cli.context import CliContext
from cli.model.model_output import model_to_dict, start_and_stop_events
from cli.model_services import open_model_services
from cli.output import format_timestamp, print_json, print_table
from workflow.plurals import pluralize


@click.command("list")
@click.option("--project", default="", help="Only this project.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Print all models as one JSON document.")
@click.pass_obj
def list_models(context: CliContext, project: str, as_json: bool) -> None:
    """List models, newest first. An asterisk marks the model in use.

    The column `reference` counts the parts that a model learned. With `none`, its unusual photos are not
    recognised.

    \b
    Example:
      partcheck model list --project housings
    """
    services = open_model_services(context, project)
    projects = [project] if project else services.models.list_projects()
    in_use, events = services.settings.get_model(), start_and_stop_events(services)
    states = [
        model_to_dict(services, version, events, in_use)
        for name in projects
        for version in services.models.list_versions(name)
    ]
    states.sort(key=lambda state: str(state["created_at"]), reverse=True)
    if as_json:
        print_json(states)
        return
    rows = [
        (
            "*" if state["in_use"] else "",
            state["project"],
            state["name"],
            state["kind"],
            state["words"],
            format_timestamp(state["created_at"]),
            _count_parts(state["reference"]),
        )
        for state in states
    ]
    titles = ("", "project", "model", "kind", "state", "created", "reference")
    print_table(titles, rows, optional=("created", "kind", "project"))


def _count_parts(reference: dict[str, Any] | None) -> str:
    """Return how many parts a reference was made of, `none` without a reference."""
    return pluralize(sum(reference["parts"].values()), "part") if reference else "none"
