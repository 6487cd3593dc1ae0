"""`partcheck camera master`: the parts with known verdicts that show whether a camera judges rightly."""

import click

from cli.camera.audited_change import json_option, print_change, reason_option, record_change
from cli.camera.check import check
from cli.context import CliContext
from cli.login_name import login_name
from cli.output import format_timestamp, note, print_json_line, print_table
from workflow import timestamps
from workflow.cameras import masters
from workflow.cameras.camera import MasterPart
from workflow.cameras.masters import explain_master
from workflow.cameras.overview import newest_basis
from workflow.inspections.verdict import Verdict

TITLES = ("camera", "master part", "expected", "last judged", "at", "last passed", "state")


@click.group()
def master() -> None:
    """Keep master parts: parts with known verdicts, photographed under `masters/NAME/`.

    A master part is due at each shift, and after a change of the model, the policy or the reference. While
    one is overdue or was judged wrongly, the *ok* verdicts of its camera go to people.
    """


@master.command()
@click.argument("camera")
@click.argument("name")
@click.argument("expected", metavar="ok|defect", type=click.Choice([Verdict.OK.value, Verdict.DEFECT.value]))
@reason_option
@json_option
@click.pass_obj
def add(context: CliContext, camera: str, name: str, expected: str, reason: str, as_json: bool) -> None:
    """Give a camera a master part whose verdict is known.

    Give each camera a good part and one part for each class of defects. Photograph the part with this camera
    at each shift, and upload the photo under `masters/NAME/`. The first photo has the time of grace.

    \b
    Example:
      partcheck camera master add "line 1" scratch-7 defect --reason "master of March"
    """
    environment = context.environment()
    part = MasterPart(name=name, expected=Verdict(expected), added_at=timestamps.now(), added_by=login_name())
    after = masters.add_master(environment.cameras, camera, part)
    change = f"master part {name} added, expected {expected}"
    record_change(environment.inspections, camera, change, reason)
    print_change(after, change, as_json)
    note(f"Upload its photos under masters/{name}/.")


@master.command()
@click.argument("name")
@reason_option
@json_option
@click.pass_obj
def remove(context: CliContext, name: str, reason: str, as_json: bool) -> None:
    """Remove a master part, for example one that is worn.

    \b
    Example:
      partcheck camera master remove scratch-7 --reason "worn"
    """
    environment = context.environment()
    camera = masters.remove_master(environment.cameras, name)
    record_change(environment.inspections, camera.name, f"master part {name} removed", reason)
    print_change(camera, f"master part {name} removed", as_json)


@master.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per master part, one per line.")
@click.pass_obj
def list_masters(context: CliContext, as_json: bool) -> None:
    """List all master parts with their last judgements.

    \b
    Example:
      partcheck camera master list --json | jq -r 'select(.state != "passes") | .name'
    """
    environment = context.environment()
    statuses = environment.camera_statuses.load_statuses()
    rows = []
    for camera in environment.cameras.list_cameras():
        basis = newest_basis(camera, statuses[camera.name])
        for part in camera.masters.values():
            state = explain_master(camera, part, basis, timestamps.now()) or "passes"
            rows.append((camera.name, part, state))
    if as_json:
        for camera_name, part, state in rows:
            print_json_line({"camera": camera_name, **_to_dict(part), "state": state})
    elif not rows:
        note("No camera has master parts. `partcheck camera master add` adds one.")
    else:
        print_table(TITLES, [_cells(*row) for row in rows])


def _to_dict(part: MasterPart) -> dict[str, str | None]:
    last = part.last_check
    return {
        "name": part.name,
        "expected": part.expected.value,
        "judged": last.verdict.value if last else None,
        "judged_at": last.at if last else None,
        "passed_at": part.last_passed_at or None,
    }


def _cells(camera: str, part: MasterPart, state: str) -> tuple[str, ...]:
    last = part.last_check
    return (
        camera,
        part.name,
        part.expected.value,
        last.verdict.value if last else "",
        format_timestamp(last.at) if last else "",
        format_timestamp(part.last_passed_at) if part.last_passed_at else "",
        state,
    )


master.add_command(check)
