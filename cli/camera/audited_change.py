"""Changes of cameras: recorded in the audit trail with a reason, and printed."""

import uuid
from dataclasses import asdict

import click

from cli.login_name import login_name
from cli.output import escape_unprintable, print_json
from cli.text_param import TextParam
from workflow import timestamps
from workflow.cameras.camera import Camera
from workflow.inspections.inspection import AuditAction, AuditEntry
from workflow.inspections.repository import AuditLog
from workflow.review.decisions import MAX_REASON_LENGTH

reason_option = click.option(
    "--reason",
    required=True,
    type=TextParam(MAX_REASON_LENGTH, required=True),
    help="Why. Recorded in the audit trail.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the camera as one JSON document.")


def record_change(audit_log: AuditLog, camera: str, change: str, reason: str) -> None:
    """Record who changed a camera and why."""
    audit_log.append_audit_entry(
        AuditEntry(
            inspection_id=f"camera-{camera}",
            at=timestamps.now(),
            actor=login_name(),
            action=AuditAction.CHANGE_CAMERA,
            after=change,
            reason=reason,
            decision_id=str(uuid.uuid4()),
        )
    )


def print_change(camera: Camera, change: str, as_json: bool) -> None:
    """Print a change in words, or the changed camera as JSON."""
    if as_json:
        print_json(asdict(camera))
    else:
        click.echo(escape_unprintable(f"Camera {camera.name}: {change}."))
