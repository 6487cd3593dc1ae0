"""`partcheck model capacity`: the policy by which models are started and stopped, and its actions."""

from dataclasses import asdict
from pathlib import Path

import click

from cli.context import CliContext
from cli.model_services import open_model_services
from cli.output import format_timestamp, note, print_json, print_table
from workflow.errors import ConfigurationError
from workflow.models.capacity_policy import CapacityPolicy
from workflow.models.model import version_name

ROWS_SHOWN = 20


@click.command()
@click.option(
    "--set",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Replace the capacity policy with this JSON file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the policy and all events as one JSON document.")
@click.pass_obj
def capacity(context: CliContext, file: Path | None, as_json: bool) -> None:
    """Show or set the policy by which models start and stop by themselves, and list the recent actions.

    \b
    Example of a policy (docs/models.md explains each field):
      {"version": "7", "on_demand": true, "idle_minutes": 30, "daily_usd": 40,
       "timezone": "Europe/Berlin",
       "shifts": [{"days": ["mon", "tue"], "from": "06:00", "to": "22:00"}]}
    """
    new_policy = _read_text(file) if file else None
    services = open_model_services(context)
    if new_policy is not None:
        services.settings.set_capacity_policy(new_policy)
        note("The capacity policy applies from the next minute on.")
    policy, events = services.settings.get_capacity_policy(), services.capacity_log.events()
    if as_json:
        shifts = [
            {"days": shift.days, "from": f"{shift.begins:%H:%M}", "to": f"{shift.ends:%H:%M}"}
            for shift in policy.shifts
        ]
        print_json({**asdict(policy), "shifts": shifts, "events": [asdict(event) for event in events]})
        return
    click.echo(_describe(policy))
    rows = [
        (format_timestamp(event.at), event.action, version_name(event.after), event.reason)
        for event in events[-ROWS_SHOWN:]
    ]
    if rows:
        print_table(("time", "action", "model", "reason"), rows)


def _describe(policy: CapacityPolicy) -> str:
    """Return a policy as one sentence about each rule."""
    if policy.idle_minutes:
        idle = f"It is stopped after {policy.idle_minutes} min without a photo."
    else:
        idle = "It is not stopped when idle."
    return " ".join(
        (
            f"Capacity policy {policy.version}:",
            f"A photo {'starts' if policy.on_demand else 'does not start'} a stopped model.",
            idle,
            f"Shifts: {len(policy.shifts)}." if policy.shifts else "No shifts limit its hours.",
            f"Budget: US${policy.daily_usd:.2f} a day at AWS prices."
            if policy.daily_usd
            else "No daily budget.",
        )
    )


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"capacity policy: {file} is not UTF-8") from error
