"""`partcheck model power`: the rules by which models are started and stopped, and what was done by them."""

from dataclasses import asdict
from pathlib import Path

import click

from cli.model_bench import bench
from cli.output import clock, json_document, note, plural, table
from cli.reach import Chosen
from workflow.errors import ConfigurationError
from workflow.models.model import name_of

SHOWN = 20


@click.command()
@click.option(
    "--set",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Replace the power policy by this JSON file.",
)
@click.option("--json", "as_json", is_flag=True, help="The policy and all events as one JSON document.")
@click.pass_obj
def power(chosen: Chosen, file: Path | None, as_json: bool) -> None:
    """Show or set when models start and stop by themselves, and list what was done and why.

    \b
    Example of a policy (docs/models.md explains each field):
      {"version": "7", "on_demand": true, "idle_minutes": 30, "daily_usd": 40,
       "timezone": "Europe/Berlin",
       "shifts": [{"days": ["mon", "tue"], "from": "06:00", "to": "22:00"}]}
    """
    wanted = _text(file) if file else None
    work = bench(chosen)
    if wanted is not None:
        work.settings.set_power(wanted)
        note("The power policy holds from the next minute on.")
    policy, events = work.settings.power(), work.power_log.events()
    if as_json:
        shifts = [
            {"days": one.days, "from": f"{one.begins:%H:%M}", "to": f"{one.ends:%H:%M}"}
            for one in policy.shifts
        ]
        json_document({**asdict(policy), "shifts": shifts, "events": [asdict(one) for one in events]})
        return
    demand = "started on demand" if policy.on_demand else "not started on demand"
    idle = f"stopped after {policy.idle_minutes} min without a photo" if policy.idle_minutes else "never idle"
    budget = f"at most ${policy.daily_usd:.2f} a day" if policy.daily_usd else "no budget"
    calendar = plural(len(policy.shifts), "shift")
    click.echo(f"Power policy {policy.version}: {demand}, {idle}, {calendar}, {budget}")
    rows = [(clock(one.at), one.action, name_of(one.after), one.reason) for one in events[-SHOWN:]]
    if rows:
        table(("when", "what", "model", "why"), rows)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"power policy: {file} is not UTF-8") from error
