"""Engineers' commands for inspections: submitted with a reason, and processed page by page."""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from workflow import timestamps
from workflow.errors import Conflict, NotFound
from workflow.history.search import Cursor, Direction, InspectionQuery, InspectionSearch
from workflow.inspections.inspection import AuditAction, AuditEntry, InspectionState
from workflow.inspections.objects import InspectionId
from workflow.inspections.verdict import Verdict
from workflow.review.decisions import MAX_REASON_LENGTH

MAX_TARGETS = 1000
MAX_PER_SECOND = 5.0
PAGE_SIZE = 10
MAX_MESSAGES = 20
_ID = re.compile("[0-9a-f]{64}")


class CommandKind(StrEnum):
    """The kinds of commands. Each has an action `request: …` of the audit trail."""

    REDRIVE = "redrive"
    STOP = "stop"
    REINSPECT = "reinspect"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One person's command for inspections given by id, or for all inspections that match a query.

    `done` and `refused` count the attempted inspections. `cursor` is the position within the query, and
    `messages` are the latest results. The command is open until `ended_at` is set.
    """

    id: str
    kind: CommandKind
    actor: str
    reason: str
    requested_at: str
    ids: tuple[InspectionId, ...] = ()
    query: InspectionQuery | None = None
    cursor: Cursor | None = None
    done: int = 0
    refused: int = 0
    messages: tuple[str, ...] = ()
    ended_at: str = ""

    @property
    def attempted(self) -> int:
        """The number of inspections attempted so far."""
        return self.done + self.refused

    @property
    def total(self) -> int | None:
        """The number of inspections in all; None if a query selects them."""
        return None if self.query else len(self.ids)


class CommandRepository(Protocol):
    """The stored commands."""

    def add(self, command: Command, entries: tuple[AuditEntry, ...]) -> None:
        """Store a new command with its audit entries, all or nothing. Idempotent."""

    def get(self, command_id: str) -> Command | None:
        """Return a command, strongly consistent, or None."""

    def list_open(self) -> list[Command]:
        """List the commands that have not ended, oldest first. The list may lag by moments."""

    def update_if_unchanged(self, before: Command, after: Command) -> bool:
        """Store the progress of a command. Return False if it changed meanwhile."""

    def lock(self, owner: str, now: str, until: str) -> bool:
        """Let one process at a time execute commands, until a time. Return False if another one does."""

    def unlock(self, owner: str) -> None:
        """End the lock if it is this process's."""


@dataclass(frozen=True, slots=True)
class CommandHandlers:
    """One handler for each kind of command; it returns a message, or refuses by Conflict or NotFound."""

    redrive: Callable[[InspectionId], str]
    stop: Callable[[InspectionId, str], str]
    reinspect: Callable[[InspectionId, str, str, str, bool], str]

    def execute(self, command: Command, inspection_id: InspectionId) -> str:
        """Execute a command for one inspection and return a message; repeating it does no harm."""
        if command.kind is CommandKind.REDRIVE:
            return self.redrive(inspection_id)
        if command.kind is CommandKind.STOP:
            return self.stop(inspection_id, f"{command.actor}: {command.reason}")
        # The id differs from that of the entry for the command itself, which is in the same audit trail.
        command_id, by_name = f"{command.id}-done", command.query is None
        return self.reinspect(inspection_id, command.actor, command.reason, command_id, by_name)


def submit(commands: CommandRepository, command: Command) -> Command:
    """Store a command for processing; ValueError names the fault of an invalid command."""
    if not command.reason.strip():
        raise ValueError("a command needs a reason: it is recorded in the audit trail")
    if len(command.reason) > MAX_REASON_LENGTH:
        raise ValueError(
            f"a reason has at most {MAX_REASON_LENGTH:,} characters, not {len(command.reason):,}"
        )
    if not command.ids and command.query is None:
        raise ValueError("no inspection is chosen")
    if len(command.ids) > MAX_TARGETS:
        raise ValueError(f"at most {MAX_TARGETS:,} inspections at once, not {len(command.ids):,}")
    if invalid := next((text for text in command.ids if not _ID.fullmatch(text)), None):
        raise ValueError(f"an inspection's id has 64 hexadecimal digits, unlike {invalid[:80]!r}")
    if command.query and command.query.decided_by:
        raise ValueError("a photo that a reviewer decided can only be reinspected by its own id")
    if command.query and (
        command.kind is not CommandKind.REINSPECT or not (command.query.model or command.query.policy)
    ):
        raise ValueError("name a model or a policy whose photos are to be reinspected")
    commands.add(command, (_audit_entry(command),))
    return command


def _audit_entry(command: Command) -> AuditEntry:
    """Build the entry for the command; the result for each inspection is in that inspection's own trail."""
    single = len(command.ids) == 1
    query = command.query or InspectionQuery()
    return AuditEntry(
        inspection_id=command.ids[0] if single else f"command-{command.id}",
        at=command.requested_at,
        actor=command.actor,
        action=AuditAction(f"request: {command.kind}"),
        after=f"{len(command.ids)} inspections" if command.ids else describe_query(query),
        reason=command.reason,
        decision_id=command.id,
    )


def describe_query(query: InspectionQuery) -> str:
    """Return a query in words."""
    parts = {
        "photo": query.name,
        "state": query.state,
        "verdict": query.verdict,
        "by": query.decided_by,
        "model": query.model,
        "policy": query.policy,
        "from": query.since,
        "to": query.until,
    }
    return ", ".join(f"{name} {value}" for name, value in parts.items() if value) or "everything"


def process(
    commands: CommandRepository,
    search: InspectionSearch,
    handlers: CommandHandlers,
    command: Command,
    sleep: Callable[[float], None],
) -> tuple[Command, bool]:
    """Process one page of a command; return it, and True if this process should continue with it."""
    progress = command
    targets, cursor, is_last = _next_targets(search, command)
    for inspection_id in targets:
        progress = _attempt(progress, handlers, inspection_id)
        sleep(1 / MAX_PER_SECOND)
    progress = replace(progress, cursor=cursor, ended_at=timestamps.now() if is_last else "")
    if not commands.update_if_unchanged(command, progress):
        return commands.get(command.id) or command, False
    return progress, not is_last


def _next_targets(
    search: InspectionSearch, command: Command
) -> tuple[list[InspectionId], Cursor | None, bool]:
    """Return the ids of the next page, the cursor behind it, and True if it is the last page."""
    if command.query is None:
        ids = command.ids[command.attempted : command.attempted + PAGE_SIZE]
        return list(ids), None, command.attempted + len(ids) >= len(command.ids)
    page = search.fetch_page(command.query, command.cursor, PAGE_SIZE)
    return [row.id for row in page.rows], page.older, page.older is None


def _attempt(command: Command, handlers: CommandHandlers, inspection_id: InspectionId) -> Command:
    try:
        message, succeeded = handlers.execute(command, inspection_id), True
    except (Conflict, NotFound, ValueError) as refusal:
        message, succeeded = str(refusal), False
    return replace(
        command,
        done=command.done + succeeded,
        refused=command.refused + (not succeeded),
        messages=(*command.messages, message)[-MAX_MESSAGES:],
    )


def to_dict(command: Command) -> dict[str, Any]:
    """Return a command as plain JSON."""
    return asdict(command)


def from_dict(document: Mapping[str, Any]) -> Command:
    """Parse a command from plain JSON."""
    values = {name: value for name, value in document.items() if name in Command.__dataclass_fields__}
    query, cursor = values.get("query"), values.get("cursor")
    return Command(
        **{
            **values,
            "kind": CommandKind(values["kind"]),
            "ids": tuple(values["ids"]),
            "messages": tuple(values["messages"]),
            "query": parse_query(query) if query else None,
            "cursor": Cursor(cursor["at"], cursor["id"], Direction(cursor["direction"])) if cursor else None,
        }
    )


def parse_query(values: Mapping[str, Any]) -> InspectionQuery:
    """Parse a query from plain values. Raise ValueError if a state or a verdict does not exist."""
    fields = {
        name: value
        for name, value in values.items()
        if name in InspectionQuery.__dataclass_fields__ and value
    }
    if "state" in fields:
        fields["state"] = InspectionState(fields["state"])
    if "verdict" in fields:
        fields["verdict"] = Verdict(fields["verdict"])
    return InspectionQuery(**fields)


def process_all(
    commands: CommandRepository,
    search: InspectionSearch,
    handlers: CommandHandlers,
    time_left: Callable[[], bool],
    sleep: Callable[[float], None],
) -> Iterator[Command]:
    """Process one page of each open command in turn while there is time; yield each command's progress.

    An error with one command is raised after all other commands.
    """
    errors: list[Exception] = []
    pending = deque(commands.list_open())
    while pending and time_left():
        command = pending.popleft()
        try:
            command, should_continue = process(commands, search, handlers, command, sleep)
        except Exception as error:
            errors.append(error)
            continue
        if should_continue:
            pending.append(command)
        else:
            yield command
    yield from (command for command in pending if command.attempted)
    if errors:
        raise errors[0]
