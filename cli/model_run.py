"""`partcheck model start`, `stop`, `status`, `list` and `delete`."""

from typing import Any

import click

from cli.model_bench import Bench, bench, placed
from cli.output import clock, json_document, json_line, note, table
from cli.reach import Chosen
from workflow import timestamps
from workflow.errors import ConfigurationError, Conflict
from workflow.models import promotion
from workflow.models.model import Asked, ModelVersion, Status, in_words

VERSION = click.argument("version", required=False, default="")


@click.command()
@VERSION
@placed
@click.option("--units", type=click.IntRange(1, 5), default=1, show_default=True, help="Inference units.")
@click.option("--json", "as_json", is_flag=True, help="The model's state as one JSON object.")
@click.pass_obj
def start(chosen: Chosen, version: str, project: str, bucket: str, units: int, as_json: bool) -> None:
    """Start a model and wait until it runs; each unit costs US$4 an hour on AWS.

    VERSION is a model's name or ARN; without it, the model in use.

    \b
    Example:
      partcheck model start autumn --units 2
    """
    work = bench(chosen, project, bucket)
    found = promotion.running(work.desk, work.version(version).arn, units)
    _tell(work, found, as_json)


@click.command()
@VERSION
@placed
@click.option("--json", "as_json", is_flag=True, help="The model's state as one JSON object.")
@click.pass_obj
def stop(chosen: Chosen, version: str, project: str, bucket: str, as_json: bool) -> None:
    """Stop a model and wait until it has stopped; one that is starting is stopped when it has started.

    Photos wait safely meanwhile; where the power policy says `on_demand`, the next one starts it again.

    \b
    Example:
      partcheck model stop
    """
    work = bench(chosen, project, bucket)
    found = promotion.stopped(work.desk, work.version(version).arn, "asked for")
    _tell(work, found, as_json)


@click.command()
@VERSION
@placed
@click.option("--json", "as_json", is_flag=True, help="The model's state as one JSON object.")
@click.pass_obj
def status(chosen: Chosen, version: str, project: str, bucket: str, as_json: bool) -> None:
    """Say how a model is: its state, since when, on how many units, what it has cost since.

    \b
    Example:
      partcheck model status
      partcheck model status autumn --json
    """
    work = bench(chosen, project, bucket)
    _tell(work, work.version(version), as_json)


@click.command("list")
@click.option("--project", default="", help="Only this project.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Every model as one JSON document.")
@click.pass_obj
def list_models(chosen: Chosen, project: str, as_json: bool) -> None:
    """List models, newest first, with the one in use marked.

    \b
    Example:
      partcheck model list --project housings
    """
    work = bench(chosen, project)
    projects = [project] if project else work.models.projects()
    in_use, events = work.settings.model(), _events(work)
    found = [_facts(one, events, in_use) for name in projects for one in work.models.of_project(name)]
    found.sort(key=lambda one: str(one["created_at"]), reverse=True)
    if as_json:
        json_document(found)
        return
    rows = [
        ("*" if one["in_use"] else "", one["project"], one["name"], one["words"], clock(one["created_at"]))
        for one in found
    ]
    table(("", "project", "model", "state", "created"), rows)


@click.command()
@click.argument("version")
@placed
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="The deleted model as one JSON object.")
@click.pass_obj
def delete(chosen: Chosen, version: str, project: str, bucket: str, yes: bool, as_json: bool) -> None:
    """Delete a model for good.

    The one in use cannot be deleted. Photos, data sets and reports stay.

    \b
    Example:
      partcheck model delete spring --yes
    """
    work = bench(chosen, project, bucket)
    found = work.version(version)
    if found.arn == work.settings.model():
        raise ConfigurationError(f"Model {found.name} is in use: promote another one first")
    if not yes:
        click.confirm(f"Delete model {found.name} of project {found.project}?", abort=True, err=True)
    answer = work.models.delete(found.arn)
    if answer is not Asked.ACCEPTED:
        raise Conflict(f"Model {found.name} is {found.status} and cannot be deleted: {answer}")
    work.record.add(promotion.ModelEvent(timestamps.now(), work.who, "delete", found.arn))
    if as_json:
        json_line({"model": found.arn})
    note(f"Model {found.name} is being deleted.")


def _tell(work: Bench, version: ModelVersion, as_json: bool) -> None:
    facts = _facts(version, _events(work), work.settings.model())
    if as_json:
        json_line(facts)
    else:
        used = "in use" if facts["in_use"] else "not in use"
        click.echo(f"Model {version.name} of project {version.project} ({used}): {facts['words']}")


def _events(work: Bench) -> list[promotion.ModelEvent]:
    return work.record.events("start", "stop") + work.power_log.events("start", "stop")


def _facts(version: ModelVersion, events: list[promotion.ModelEvent], in_use: str) -> dict[str, Any]:
    since = promotion.running_since(events, version.arn) if version.status is Status.RUNNING else ""
    return {
        "arn": version.arn,
        "name": version.name,
        "project": version.project,
        "status": version.status.value,
        "units": version.units,
        "running_since": since or None,
        "created_at": version.created_at,
        "training_seconds": version.training_seconds,
        "in_use": version.arn == in_use,
        "message": version.message,
        "words": in_words(version, since, timestamps.now()),
    }
