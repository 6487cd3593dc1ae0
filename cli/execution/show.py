"""`partcheck execution show`: an inspection and its execution, step by step."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from cli import inspection_lookup
from cli.context import CliContext, Environment, ExecutionReader
from cli.execution import execution_output
from cli.execution.execution_output import LogReader
from cli.output import note, print_json
from workflow import timestamps
from workflow.history.archive import ExecutionRecord
from workflow.history.logs import LogLines
from workflow.history.parser import parse_steps
from workflow.history.step import ExecutionStep
from workflow.inspections.inspection import ExecutionName
from workflow.inspections.serialization import to_dict
from workflow.pipeline.executions import ACTIVE_STATUSES
from workflow.plurals import pluralize

POLL_SECONDS = 1.0


@click.command()
@click.argument("image")
@click.option("--full", is_flag=True, help="Show complete inputs and outputs.")
@click.option("--json", "as_json", is_flag=True, help="Print everything, unshortened, as one JSON document.")
@click.option("--logs", is_flag=True, help="Show with each step what its function logged about this photo.")
@click.option(
    "--follow", "-f", is_flag=True, help="Print further steps as they end, until the execution ends."
)
@click.pass_obj
def show(context: CliContext, image: str, full: bool, as_json: bool, logs: bool, follow: bool) -> None:
    """Show an inspection and its execution, step by step.

    IMAGE is the photo's name, its key in S3, an execution's name, an inspection's id, or at least four of the
    id's first digits. If several inspections match, the newest is shown with the number of the others.

    Each step is shown with its input and the fields that it added. With --full it is shown with the complete
    state before and after it. Task tokens are never shown. If Step Functions no longer knows the execution,
    the archived record is shown. If there is none, only the stored inspection is shown.

    \b
    Examples:
      partcheck execution show part-4711.jpg
      partcheck execution show 3f2a9c --json
    """
    if as_json and follow:
        raise click.UsageError("--json is one document: leave out --follow")
    environment = context.environment()
    matches = inspection_lookup.find_all(environment.inspections, image)
    row = matches[0] if matches else None
    name = inspection_lookup.find_execution_name(image, row)
    if not matches and not (name and environment.executions.describe(name)):
        inspection_lookup.find_newest_match(environment.inspections, image)
    description, steps, archived = _read_execution(environment, name)
    trail = environment.inspections.get_audit_trail(row.id) if row else []

    def read_logs(step: ExecutionStep) -> LogLines | None:
        return environment.logs.fetch(name, step.id) if logs and step.attempts else None

    if as_json:
        print_json(
            {
                "inspection": to_dict(row) if row else None,
                "execution": _execution_to_dict(environment.executions, name, description),
                "steps": [_step_to_dict(step, read_logs(step)) for step in steps],
                "audit_trail": [asdict(entry) for entry in trail],
                "other_inspections": max(0, len(matches) - 1),
            }
        )
        return
    if len(matches) > 1:
        note(f"This is the newest; {pluralize(len(matches) - 1, 'other inspection')} matched as well.")
    if row:
        execution_output.print_inspection(row)
    execution_output.print_execution_status(name, description)
    for entry in trail:
        execution_output.print_audit_entry(entry)
    if steps:
        execution_output.print_steps(steps, full, read_logs)
    if follow and not archived:
        shown = {step.id for step in steps if step.exited_at}
        _follow(environment.executions, name, shown, full, read_logs)


def _read_execution(
    environment: Environment, name: str
) -> tuple[dict[str, Any] | None, Sequence[ExecutionStep], bool]:
    """Return an execution's description and steps, and whether they come from the archive.

    The description is None if neither Step Functions nor the archive knows the execution.
    """
    if description := environment.executions.describe(name):
        return description, parse_steps(environment.executions.get_history(name)), False
    record = environment.archive.get(name)
    return (_describe_record(record), record.steps, True) if record else (None, (), False)


def _follow(
    executions: ExecutionReader, name: ExecutionName, shown: set[int], full: bool, read_logs: LogReader
) -> None:
    """Print each further step when it ends, until the execution ends."""
    while True:
        status = executions.get_status(name)
        ended = [
            step
            for step in parse_steps(executions.get_history(name))
            if step.exited_at and step.id not in shown
        ]
        for step in ended:
            execution_output.print_step(step, full, read_logs)
        shown |= {step.id for step in ended}
        if status not in ACTIVE_STATUSES:
            click.echo(f"{'execution':<11} {status or 'unknown to Step Functions'}")
            return
        time.sleep(POLL_SECONDS)


def _describe_record(record: ExecutionRecord) -> dict[str, Any]:
    """Return an archived execution in the form of DescribeExecution."""
    stopped = record.stopped_at
    return {
        "status": record.status,
        "startDate": timestamps.parse(record.started_at),
        "stopDate": timestamps.parse(stopped) if stopped else None,
    }


def _execution_to_dict(
    executions: ExecutionReader, name: str, description: dict[str, Any] | None
) -> dict[str, Any]:
    return {
        "name": name,
        "arn": executions.arn(name),
        "status": description["status"] if description else None,
        "started_at": _to_text(description.get("startDate")) if description else None,
        "stopped_at": _to_text(description.get("stopDate")) if description else None,
    }


def _step_to_dict(step: ExecutionStep, logs: LogLines | None) -> dict[str, Any]:
    """Return a step as plain JSON."""
    return {
        "logs": asdict(logs) if logs else None,
        "id": step.id,
        "name": step.name,
        "type": step.type,
        "status": step.status.value,
        "status_text": step.status_text,
        "entered_at": _to_text(step.entered_at),
        "exited_at": _to_text(step.exited_at),
        "seconds": step.seconds,
        "within": step.parent_id,
        "branch": list(step.branch),
        "attempts": [
            {
                **asdict(attempt),
                "status": attempt.status.value,
                "scheduled_at": _to_text(attempt.scheduled_at),
                "started_at": _to_text(attempt.started_at),
                "ended_at": _to_text(attempt.ended_at),
                "deadline": _to_text(attempt.deadline),
            }
            for attempt in step.attempts
        ],
        "input": step.input,
        "output": step.output,
        "error": step.error,
        "cause": step.cause,
    }


def _to_text(time: datetime | None) -> str | None:
    return timestamps.format_timestamp(time) if time else None
