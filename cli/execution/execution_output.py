"""Print an inspection, its execution and the execution's steps as text."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import click

from cli.output import escape_unprintable, format_confidence, format_duration, format_timestamp, note
from workflow.history.logs import LogLines
from workflow.history.step import ExecutionStep, StepAttempt
from workflow.inspections.inspection import AuditEntry, Inspection, InspectionState
from workflow.inspections.model_reference import MEASURE_NAMES
from workflow.inspections.serialization import WITHDRAWN, s3_uri, seconds_to_answer, verdict_or_status

PAYLOAD_CHARACTERS, TEXT_CHARACTERS = 200, 48

LogReader = Callable[[ExecutionStep], LogLines | None]


def print_inspection(row: Inspection) -> None:
    """Print the stored facts of an inspection."""
    _print_field("photo", row.image.key)
    _print_field("inspection", row.id)
    _print_field(
        "uploaded",
        f"{format_timestamp(row.uploaded_at)} to {row.image.bucket}, version {row.image.version_id}",
    )
    _print_field(
        "state", f"{row.state.value}, verdict {verdict_or_status(row)}" + _format_time_to_answer(row)
    )
    if row.state is InspectionState.PARKED and row.model_wait:
        wait = row.model_wait
        since, until = format_timestamp(wait.since), format_timestamp(wait.until)
        _print_field("waits", f"for the model since {since}, until {until} at most: {wait.reason}")
    if row.rejection:
        name = WITHDRAWN if row.withdrawn else "rejected"
        _print_field(name, f"{row.rejection.get('detail', '')} ({row.rejection.get('code', '')})")
    if row.prediction:
        prediction = row.prediction
        label = prediction.label or "no label"
        _print_field(
            "model",
            f"{label} at {format_confidence(prediction.confidence)}, "
            f"threshold {format_confidence(prediction.threshold)}",
        )
        if prediction.note:
            _print_field("", prediction.note)
        if prediction.model and not prediction.reference:
            _print_field("", "unusual photos are not recognised: the model had no reference")
    if row.measures:
        # Whole measures, such as the bits in use, have no decimals.
        values = (
            f"{name.replace('_', ' ')} {round(getattr(row.measures, name), 2):g}" for name in MEASURE_NAMES
        )
        _print_field("measures", ", ".join(values))
    if row.review:
        escalated = ", escalated" if row.review.escalated else ""
        _print_field(
            "review", f"since {format_timestamp(row.review.opened_at)}, round {row.review.round}{escalated}"
        )
    if row.decision:
        reason = f": {row.decision.reason}" if row.decision.reason else ""
        _print_field("decision", f"{row.decision.verdict.value} by {row.decision.reviewer}{reason}")
    _print_field("lies at", s3_uri(row.location))


def _format_time_to_answer(row: Inspection) -> str:
    seconds = seconds_to_answer(row)
    return "" if seconds is None else f" after {format_duration(seconds)}"


def print_execution_status(name: str, description: dict[str, Any] | None) -> None:
    """Print status and duration of an execution. `description` has the form of DescribeExecution."""
    if description is None:
        _print_field("execution", name)
        note(
            "Step Functions no longer knows this execution (on this machine it forgets them when it stops, "
            "AWS after 90 days), and it is not archived: only the stored inspection is shown."
        )
        return
    started, stopped = description.get("startDate"), description.get("stopDate")
    seconds = (stopped - started).total_seconds() if started and stopped else None
    _print_field(
        "execution",
        f"{name}  {description['status']}"
        + (f" after {format_duration(seconds)}" if seconds is not None else ""),
    )


def print_audit_entry(entry: AuditEntry) -> None:
    """Print one entry of the audit trail."""
    change = f" {entry.before} → {entry.after}" if entry.before or entry.after else ""
    reason = f": {entry.reason}" if entry.reason else ""
    _print_field("audit", f"{format_timestamp(entry.at)} {entry.actor} {entry.action}{change}{reason}")


def _print_field(name: str, text: str) -> None:
    click.echo(f"{name:<11} {escape_unprintable(text)}")


def print_steps(steps: Sequence[ExecutionStep], full: bool, read_logs: LogReader) -> None:
    """Print the steps under a header."""
    click.echo(f"\n{'time (UTC)':<13} {'took':>11}  {'tries':>5}  step")
    for step in steps:
        print_step(step, full, read_logs)


def print_step(step: ExecutionStep, full: bool, read_logs: LogReader) -> None:
    """Print one step with its attempts, payloads, error and logs. `full` prints everything unshortened."""
    indent = "  " * step.depth
    duration = format_duration(step.seconds) or "…"
    tries = str(len(step.attempts)) if step.attempts else ""
    click.echo(
        f"{step.entered_at:%H:%M:%S}.{step.entered_at.microsecond // 1000:03} {duration:>12}  {tries:>5}  "
        f"{indent}{escape_unprintable(step.name)}  ({step.type.lower()}, {step.status_text})"
    )
    margin = f"{'':<34}{indent}  "
    for attempt in step.attempts if len(step.attempts) > 1 else ():
        click.echo(f"{margin}try {attempt.number}: {_format_attempt(attempt)}")
    for name, value in _payloads(step, full):
        if value is not None:
            _print_payload(margin, name, value, full)
    if step.error or step.cause:
        click.echo(f"{margin}error  {_shorten(escape_unprintable(_format_error(step)), full)}")
    _print_logs(margin, read_logs(step), full)


def _print_logs(margin: str, logs: LogLines | None, full: bool) -> None:
    if logs is None:
        return
    if logs.empty_reason:
        click.echo(f"{margin}log    {logs.empty_reason}")
    for entry in logs.lines:
        text = entry.text if full else f"{entry.level} {entry.message}".strip()
        click.echo(f"{margin}log    {entry.at[11:23]} {_shorten(escape_unprintable(text), full)}")
    if logs.truncated:
        click.echo(f"{margin}log    … more lines exist")


def _payloads(step: ExecutionStep, full: bool) -> list[tuple[str, Any]]:
    """Return a step's payloads: all of them, or its input and the fields that it added."""
    asked = step.attempts[-1].input if step.attempts else None
    if full:
        return [("input", step.input), ("asked", asked), ("output", step.output)]
    if not (isinstance(step.input, dict) and isinstance(step.output, dict)):
        return [("asked", step.input if asked is None else asked), ("output", step.output)]
    added = {key: value for key, value in step.output.items() if step.input.get(key) != value}
    return [("asked", asked), ("added", added or None)]


def _format_attempt(attempt: StepAttempt) -> str:
    ended = attempt.ended_at
    duration = f" after {format_duration((ended - attempt.scheduled_at).total_seconds())}" if ended else ""
    return escape_unprintable(
        f"{attempt.status.value}{duration}" + (f": {_format_error(attempt)}" if attempt.error else "")
    )


def _format_error(source: ExecutionStep | StepAttempt) -> str:
    return ": ".join(text for text in (source.error, source.cause) if text)


def _print_payload(margin: str, name: str, value: Any, full: bool) -> None:
    if full:
        text = json.dumps(value, indent=2)
        click.echo(f"{margin}{name}")
        for line in text.splitlines():
            click.echo(f"{margin}  {line}")
        return
    click.echo(f"{margin}{name:<6} {_shorten(json.dumps(_clip(value)), full)}")


def _clip(value: Any) -> Any:
    """Return a JSON value with long strings, such as ids, cut to their beginning."""
    if isinstance(value, dict):
        return {key: _clip(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clip(item) for item in value]
    if isinstance(value, str) and len(value) > TEXT_CHARACTERS:
        return value[: TEXT_CHARACTERS // 4] + "..."
    return value


def _shorten(text: str, full: bool) -> str:
    if full or len(text) <= PAYLOAD_CHARACTERS:
        return text
    return text[: PAYLOAD_CHARACTERS - 1] + "…"
