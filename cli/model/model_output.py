"""A model's state, as JSON and as one sentence."""

from typing import Any

import click

from cli.model_services import ModelServices
from cli.output import print_json_line
from workflow import timestamps
from workflow.models.model import ModelStatus, ModelVersion, describe_status
from workflow.models.promotion import ModelAction, ModelEvent, running_since
from workflow.models.reference_summary import reference_to_dict

version_argument = click.argument("version", required=False, default="")
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the model's state as one JSON object."
)


def print_model(
    services: ModelServices, version: ModelVersion, as_json: bool, **further: dict[str, Any] | None
) -> None:
    """Print a model's state as one sentence, or as one JSON object with `further` members."""
    state = model_to_dict(services, version, start_and_stop_events(services), services.settings.get_model())
    state |= further
    if as_json:
        print_json_line(state)
    else:
        usage = "in use" if state["in_use"] else "not in use"
        click.echo(f"Model {version.name} of project {version.project} ({usage}): {state['words']}")


def start_and_stop_events(services: ModelServices) -> list[ModelEvent]:
    """Return the recorded starts and stops of all models, by people and by the capacity manager."""
    actions = (ModelAction.START, ModelAction.STOP)
    return services.event_log.events(*actions) + services.capacity_log.events(*actions)


def model_to_dict(
    services: ModelServices, version: ModelVersion, events: list[ModelEvent], arn_in_use: str
) -> dict[str, Any]:
    """Return a model's state as plain JSON."""
    since = running_since(events, version.arn) if version.status is ModelStatus.RUNNING else ""
    return {
        "arn": version.arn,
        "name": version.name,
        "project": version.project,
        "kind": version.kind.value,
        "status": version.status.value,
        "units": version.units,
        "running_since": since or None,
        "created_at": version.created_at,
        "training_seconds": version.training_seconds,
        "in_use": version.arn == arn_in_use,
        "message": version.message,
        "words": describe_status(version, since, timestamps.now()),
        "reference": reference_to_dict(services.references.get(version.arn)),
    }
