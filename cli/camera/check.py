"""`partcheck camera master check`: whether a camera's master parts pass, and which parts are doubtful."""

import click

from cli.camera.audited_change import record_change
from cli.context import CliContext
from cli.login_name import login_name
from cli.output import escape_unprintable, format_timestamp, note, print_json, print_table
from workflow import timestamps
from workflow.cameras.containment import DoubtfulPart, list_doubtful_parts, reopen_doubtful_parts
from workflow.cameras.masters import explain_masters
from workflow.cameras.overview import NO_MASTERS, newest_basis
from workflow.plurals import pluralize


@click.command()
@click.argument("name", metavar="CAMERA")
@click.option("--reopen", is_flag=True, help="Let people judge all doubtful parts.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON document.")
@click.pass_obj
def check(context: CliContext, name: str, reopen: bool, as_json: bool) -> None:
    """Tell whether a camera's master parts pass, and list the parts since their last success.

    A part is doubtful if it passed without a person between the last success of a master part that was judged
    wrongly and the next one. With --reopen all of them become unclear and wait for people. The exit code is 1
    if a master part is overdue or was judged wrongly.

    \b
    Example:
      partcheck camera master check "line 1" --reopen
    """
    environment = context.environment()
    now = timestamps.now()
    camera = environment.cameras.get_camera(name)
    basis = newest_basis(camera, environment.camera_statuses.load_statuses()[name])
    reasons = explain_masters(camera, basis, now)
    parts = list_doubtful_parts(environment.cameras, environment.inspections, camera, now)
    if reopen:
        count = reopen_doubtful_parts(environment.cameras, environment.inspections, camera, login_name(), now)
        reason = f"{pluralize(count, 'doubtful part')} reopened"
        record_change(environment.inspections, name, reason, reason)
    if as_json:
        period = camera.containment
        print_json(
            {
                "camera": name,
                "reasons": list(reasons),
                "doubtful_since": period.since if period else None,
                "doubtful_until": (period.until or None) if period else None,
                "doubtful_parts": [_to_dict(part) for part in parts],
                "reopened": reopen,
            }
        )
    else:
        _print(name, reasons if camera.masters else (NO_MASTERS,), parts, reopen)
    if reasons:
        click.get_current_context().exit(1)


def _print(name: str, reasons: tuple[str, ...], parts: list[DoubtfulPart], reopened: bool) -> None:
    click.echo(escape_unprintable(f"Camera {name}: {'; '.join(reasons) or 'its master parts pass'}."))
    if not parts:
        return
    print_table(
        ("part", "passed at", "inspection"),
        [(part.row.image.key, format_timestamp(part.row.settled_at), part.row.id[:12]) for part in parts],
    )
    count = pluralize(len(parts), "part")
    if reopened:
        note(f"{count} will wait for people within minutes: `partcheck review list`.")
    else:
        note(f"{count} passed since the last success. Reopen them with --reopen.")


def _to_dict(part: DoubtfulPart) -> dict[str, str]:
    return {"inspection_id": part.row.id, "key": part.row.image.key, "settled_at": part.row.settled_at}
