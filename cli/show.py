"""`partcheck show`: what happened to one photo, step by step."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from cli import lookup
from cli.output import clock, duration, json_document, note, plural, safe, share
from cli.reach import Chosen, Executions
from workflow import timestamps
from workflow.history.archive import Record
from workflow.history.logs import LogLines
from workflow.history.parser import Attempt, Step, steps
from workflow.inspections.inspection import AuditEntry, Inspection
from workflow.inspections.serialization import WITHDRAWN, address, facts, seconds, verdict
from workflow.pipeline.intake import ALIVE

PAYLOAD_CHARACTERS, TEXT_CHARACTERS = 200, 48
LOOK_SECONDS = 1.0
Logged = Callable[[Step], LogLines | None]


@click.command()
@click.argument("image")
@click.option("--full", is_flag=True, help="Do not shorten inputs and outputs.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document with everything, unshortened.")
@click.option("--logs", is_flag=True, help="Each step with what its function logged about this photo.")
@click.option("--follow", "-f", is_flag=True, help="Go on with each step that ends, to the end.")
@click.pass_obj
def show(chosen: Chosen, image: str, full: bool, as_json: bool, logs: bool, follow: bool) -> None:
    """Show what happened to one photo, step by step.

    IMAGE is the photo's name, its key in S3, an execution's name, or an inspection's id or at least four of
    its first digits. Of several inspections the newest is shown, and how many others there are.

    A step is shown with what it was asked and what it added; with --full, with the whole document before and
    after it. Task tokens are never shown. When Step Functions no longer knows the execution, the
    archived record is shown, and without one the ledger's facts alone.

    \b
    Examples:
      partcheck show part-4711.jpg
      partcheck show 3f2a9c --json
    """
    if as_json and follow:
        raise click.UsageError("--json is one document: leave out --follow")
    line = chosen.reach()
    name = lookup.execution(image)
    found = lookup.matches(line.ledger, image)
    if not found and not (name and line.executions.describe(name)):
        lookup.one(line.ledger, image)
    row = found[0] if found else None
    name = name or (row.owner if row else "")
    told = line.executions.describe(name)
    kept = None if told else line.archive.get(name)
    walked = steps(line.executions.history(name)) if told else kept.steps if kept else ()
    told = told or (_remembered(kept) if kept else None)
    trail = line.ledger.audit_trail(row.id) if row else []

    def logged(step: Step) -> LogLines | None:
        return line.logs.of(name, step.id) if logs and step.attempts else None

    if as_json:
        json_document(
            {
                "inspection": facts(row) if row else None,
                "execution": _execution(line.executions, name, told),
                "steps": [_step(step, logged(step)) for step in walked],
                "audit_trail": [asdict(entry) for entry in trail],
                "other_inspections": max(0, len(found) - 1),
            }
        )
        return
    if len(found) > 1:
        note(f"This is the newest; {plural(len(found) - 1, 'other inspection')} matched as well.")
    if row:
        _print_facts(row)
    _print_execution(name, told)
    for entry in trail:
        _print_entry(entry)
    if walked:
        _print_steps(walked, full, logged)
    if follow and not kept:
        _follow(line.executions, name, {step.id for step in walked if step.exited_at}, full, logged)


def _follow(executions: Executions, name: str, shown: set[int], full: bool, logged: Logged) -> None:
    """Print each further step when it ended, until nothing runs any more."""
    while True:
        status = executions.status(name)
        ended = [step for step in steps(executions.history(name)) if step.exited_at and step.id not in shown]
        for step in ended:
            _print_step(step, full, logged)
        shown |= {step.id for step in ended}
        if status not in ALIVE:
            click.echo(f"{'execution':<11} {status or 'forgotten'}")
            return
        time.sleep(LOOK_SECONDS)


def _remembered(record: Record) -> dict[str, Any]:
    """An archived execution as DescribeExecution would tell it."""
    stopped = record.stopped_at
    return {
        "status": record.status,
        "startDate": timestamps.parse(record.started_at),
        "stopDate": timestamps.parse(stopped) if stopped else None,
    }


def _execution(executions: Executions, name: str, told: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "name": name,
        "arn": executions.arn(name),
        "status": told["status"] if told else None,
        "started_at": _at(told.get("startDate")) if told else None,
        "stopped_at": _at(told.get("stopDate")) if told else None,
    }


def _print_facts(row: Inspection) -> None:
    _fact("photo", row.image.key)
    _fact("inspection", row.id)
    _fact("uploaded", f"{clock(row.uploaded_at)} to {row.image.bucket}, version {row.image.version_id}")
    _fact("state", f"{row.state.value}, verdict {verdict(row)}" + _after(row))
    if row.rejection:
        name = WITHDRAWN if row.withdrawn else "rejected"
        _fact(name, f"{row.rejection.get('detail', '')} ({row.rejection.get('code', '')})")
    if row.prediction:
        said = row.prediction
        label = said.label or "no label"
        _fact("model", f"{label} at {share(said.confidence)}, threshold {share(said.threshold)}")
        if said.note:
            _fact("", said.note)
    if row.review:
        escalated = ", escalated" if row.review.escalated else ""
        _fact("review", f"since {clock(row.review.opened_at)}, round {row.review.round}{escalated}")
    if row.decision:
        reason = f": {row.decision.reason}" if row.decision.reason else ""
        _fact("decision", f"{row.decision.verdict.value} by {row.decision.reviewer}{reason}")
    _fact("lies at", address(row.location))


def _after(row: Inspection) -> str:
    took = seconds(row)
    return "" if took is None else f" after {duration(took)}"


def _print_execution(name: str, told: dict[str, Any] | None) -> None:
    if told is None:
        _fact("execution", name)
        note(
            "Step Functions no longer knows this execution (a local line forgets them when it stops, "
            "AWS after 90 days): these are the ledger's facts."
        )
        return
    started, stopped = told.get("startDate"), told.get("stopDate")
    took = (stopped - started).total_seconds() if started and stopped else None
    _fact("execution", f"{name}  {told['status']}" + (f" after {duration(took)}" if took is not None else ""))


def _print_entry(entry: AuditEntry) -> None:
    change = f" {entry.before} → {entry.after}" if entry.before or entry.after else ""
    reason = f": {entry.reason}" if entry.reason else ""
    _fact("audit", f"{clock(entry.at)} {entry.who} {entry.action}{change}{reason}")


def _fact(name: str, text: str) -> None:
    click.echo(f"{name:<11} {safe(text)}")


def _print_steps(walked: Sequence[Step], full: bool, logged: Logged) -> None:
    click.echo(f"\n{'time (UTC)':<13} {'took':>11}  {'tries':>5}  step")
    for step in walked:
        _print_step(step, full, logged)


def _print_step(step: Step, full: bool, logged: Logged) -> None:
    indent = "  " * step.depth
    took = duration(step.seconds) or "…"
    tries = str(len(step.attempts)) if step.attempts else ""
    click.echo(
        f"{step.entered_at:%H:%M:%S}.{step.entered_at.microsecond // 1000:03} {took:>12}  {tries:>5}  "
        f"{indent}{safe(step.name)}  ({step.type.lower()}, {step.status.value})"
    )
    margin = f"{'':<34}{indent}  "
    for attempt in step.attempts if len(step.attempts) > 1 else ():
        click.echo(f"{margin}try {attempt.number}: {_told(attempt)}")
    for name, value in _payloads(step, full):
        if value is not None:
            _print_payload(margin, name, value, full)
    if step.error or step.cause:
        click.echo(f"{margin}error  {_shortened(safe(_fault(step)), full)}")
    _print_logs(margin, logged(step), full)


def _print_logs(margin: str, told: LogLines | None, full: bool) -> None:
    if told is None:
        return
    if told.why_none:
        click.echo(f"{margin}log    {told.why_none}")
    for one in told.lines:
        text = one.text if full else f"{one.level} {one.message}".strip()
        click.echo(f"{margin}log    {one.at[11:23]} {_shortened(safe(text), full)}")
    if told.more:
        click.echo(f"{margin}log    … there are more")


def _payloads(step: Step, full: bool) -> list[tuple[str, Any]]:
    """In full the document before and after a step; else what it was asked and what it added to that."""
    asked = step.attempts[-1].input if step.attempts else None
    if full:
        return [("input", step.input), ("asked", asked), ("output", step.output)]
    if not (isinstance(step.input, dict) and isinstance(step.output, dict)):
        return [("asked", step.input if asked is None else asked), ("output", step.output)]
    added = {key: value for key, value in step.output.items() if step.input.get(key) != value}
    return [("asked", asked), ("added", added or None)]


def _told(attempt: Attempt) -> str:
    ended = attempt.ended_at
    took = f" after {duration((ended - attempt.scheduled_at).total_seconds())}" if ended else ""
    return safe(f"{attempt.status.value}{took}" + (f": {_fault(attempt)}" if attempt.error else ""))


def _fault(one: Step | Attempt) -> str:
    return ": ".join(text for text in (one.error, one.cause) if text)


def _print_payload(margin: str, name: str, value: Any, full: bool) -> None:
    if full:
        text = json.dumps(value, indent=2)
        click.echo(f"{margin}{name}")
        for one in text.splitlines():
            click.echo(f"{margin}  {one}")
        return
    click.echo(f"{margin}{name:<6} {_shortened(json.dumps(_clipped(value)), full)}")


def _clipped(value: Any) -> Any:
    """A JSON value whose long texts, such as ids, show their beginning only."""
    if isinstance(value, dict):
        return {key: _clipped(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_clipped(one) for one in value]
    if isinstance(value, str) and len(value) > TEXT_CHARACTERS:
        return value[: TEXT_CHARACTERS // 4] + "..."
    return value


def _shortened(text: str, full: bool) -> str:
    if full or len(text) <= PAYLOAD_CHARACTERS:
        return text
    return text[: PAYLOAD_CHARACTERS - 1] + "…"


def _step(step: Step, told: LogLines | None) -> dict[str, Any]:
    """A step as JSON."""
    return {
        "logs": asdict(told) if told else None,
        "id": step.id,
        "name": step.name,
        "type": step.type,
        "status": step.status.value,
        "entered_at": _at(step.entered_at),
        "exited_at": _at(step.exited_at),
        "seconds": step.seconds,
        "within": step.within,
        "branch": list(step.branch),
        "attempts": [
            {
                **asdict(attempt),
                "status": attempt.status.value,
                "scheduled_at": _at(attempt.scheduled_at),
                "started_at": _at(attempt.started_at),
                "ended_at": _at(attempt.ended_at),
            }
            for attempt in step.attempts
        ],
        "input": step.input,
        "output": step.output,
        "error": step.error,
        "cause": step.cause,
    }


def _at(when: datetime | None) -> str | None:
    return timestamps.text(when) if when else None
