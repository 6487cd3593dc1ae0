"""What engineers ask of inspections that only the line may do: kept with a reason, obeyed bit by bit."""

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from workflow import timestamps
from workflow.errors import Conflict, NotFound
from workflow.history.search import Mark, Query, Search, Way
from workflow.inspections.inspection import AuditEntry, State
from workflow.inspections.verdict import Verdict
from workflow.review.decisions import MAX_REASON

MOST_TARGETS = 1000
PER_SECOND = 5.0
PAGE = 10
TOLD = 20
_ID = re.compile("[0-9a-f]{64}")


class Kind(StrEnum):
    """What can be asked; the values are words of the audit trail."""

    REDRIVE = "redrive"
    STOP = "stop"
    AGAIN = "inspect again"


@dataclass(frozen=True, slots=True)
class Command:
    """One wish of one person, for some inspections by id or for all that answer a query.

    `done` and `refused` count what was tried; `mark` is how far a query was followed, `told` are the last
    sentences about it. It is open until `ended_at` is set.
    """

    id: str
    kind: Kind
    who: str
    reason: str
    asked_at: str
    ids: tuple[str, ...] = ()
    query: Query | None = None
    mark: Mark | None = None
    done: int = 0
    refused: int = 0
    told: tuple[str, ...] = ()
    ended_at: str = ""

    @property
    def tried(self) -> int:
        """How many inspections were tried so far."""
        return self.done + self.refused

    @property
    def expected(self) -> int | None:
        """How many there are in all, where that is known."""
        return None if self.query else len(self.ids)


class Commands(Protocol):
    """Where commands are kept."""

    def ask(self, command: Command, entries: tuple[AuditEntry, ...]) -> None:
        """Keep a new command and the entries about it, all or nothing; keeping it again changes nothing."""

    def get(self, command_id: str) -> Command | None:
        """A command, strongly consistent, or None."""

    def open(self) -> list[Command]:
        """Commands that did not end, oldest first; may lag by moments."""

    def advance(self, before: Command, after: Command) -> bool:
        """Note progress, unless somebody else did meanwhile."""


@dataclass(frozen=True, slots=True)
class Hands:
    """How each kind is done to one inspection; returns a sentence, raises Conflict or NotFound to refuse."""

    redrive: Callable[[str], str]
    stop: Callable[[str, str], str]
    inspect_again: Callable[[str, str, str, str, bool], str]

    def do(self, command: Command, inspection_id: str) -> str:
        """Do what a command asks to one inspection; doing it again does no harm."""
        if command.kind is Kind.REDRIVE:
            return self.redrive(inspection_id)
        if command.kind is Kind.STOP:
            return self.stop(inspection_id, f"{command.who}: {command.reason}")
        # Another id than that of the entry about the command, which stands in the same trail.
        known, by_name = f"{command.id}-done", command.query is None
        return self.inspect_again(inspection_id, command.who, command.reason, known, by_name)


def ask(commands: Commands, command: Command) -> Command:
    """Keep a command for the line to obey; ValueError says what is wrong with it."""
    if not command.reason.strip():
        raise ValueError("say why: the reason is kept with what was done")
    if len(command.reason) > MAX_REASON:
        raise ValueError(f"a reason has at most {MAX_REASON:,} characters, not {len(command.reason):,}")
    if not command.ids and command.query is None:
        raise ValueError("no inspection is chosen")
    if len(command.ids) > MOST_TARGETS:
        raise ValueError(f"at most {MOST_TARGETS:,} inspections at once, not {len(command.ids):,}")
    if wrong := next((one for one in command.ids if not _ID.fullmatch(one)), None):
        raise ValueError(f"an inspection's id has 64 hexadecimal digits, unlike {wrong[:80]!r}")
    if command.query and command.query.decided_by:
        raise ValueError("what a person decided is inspected again only one by one")
    if command.query and (
        command.kind is not Kind.AGAIN or not (command.query.model or command.query.policy)
    ):
        raise ValueError("name a model or a policy whose verdicts are to be inspected again")
    commands.ask(command, (_entry(command),))
    return command


def _entry(command: Command) -> AuditEntry:
    """One entry a command; what is done to each inspection is told in its own trail."""
    about = command.ids[0] if len(command.ids) == 1 else f"command-{command.id}"
    asked = f"{len(command.ids)} inspections" if command.ids else described(command.query or Query())
    return AuditEntry(
        about, command.asked_at, command.who, f"ask: {command.kind}", "", asked, command.reason, command.id
    )


def described(query: Query) -> str:
    """A query in words."""
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


def obey(
    commands: Commands,
    search: Search,
    hands: Hands,
    command: Command,
    sleep: Callable[[float], None],
) -> tuple[Command, bool]:
    """Go on with a command by one page; whether there is more to do, and nobody else does it."""
    now = command
    targets, mark, last = _next(search, command)
    for inspection_id in targets:
        now = _tried(now, hands, inspection_id)
        sleep(1 / PER_SECOND)
    now = replace(now, mark=mark, ended_at=timestamps.now() if last else "")
    if not commands.advance(command, now):
        return commands.get(command.id) or command, False
    return now, not last


def _next(search: Search, command: Command) -> tuple[list[str], Mark | None, bool]:
    """The next few targets, the mark behind them, and whether they are the last."""
    if command.query is None:
        some = command.ids[command.tried : command.tried + PAGE]
        return list(some), None, command.tried + len(some) >= len(command.ids)
    page = search.page(command.query, command.mark, PAGE)
    return [row.id for row in page.rows], page.older, page.older is None


def _tried(command: Command, hands: Hands, inspection_id: str) -> Command:
    try:
        sentence, ok = hands.do(command, inspection_id), True
    except (Conflict, NotFound, ValueError) as refusal:
        sentence, ok = str(refusal), False
    return replace(
        command,
        done=command.done + ok,
        refused=command.refused + (not ok),
        told=(*command.told, sentence)[-TOLD:],
    )


def plain(command: Command) -> dict[str, Any]:
    """A command as plain JSON."""
    return asdict(command)


def read(document: Mapping[str, Any]) -> Command:
    """The command that plain JSON holds."""
    values = {name: value for name, value in document.items() if name in Command.__dataclass_fields__}
    query, mark = values.get("query"), values.get("mark")
    return Command(
        **{
            **values,
            "kind": Kind(values["kind"]),
            "ids": tuple(values["ids"]),
            "told": tuple(values["told"]),
            "query": query_of(query) if query else None,
            "mark": Mark(mark["at"], mark["id"], Way(mark["way"])) if mark else None,
        }
    )


def query_of(values: Mapping[str, Any]) -> Query:
    """A query from plain values; ValueError if a state or a verdict does not exist."""
    known = {name: value for name, value in values.items() if name in Query.__dataclass_fields__ and value}
    if "state" in known:
        known["state"] = State(known["state"])
    if "verdict" in known:
        known["verdict"] = Verdict(known["verdict"])
    return Query(**known)


def obey_all(
    commands: Commands,
    search: Search,
    hands: Hands,
    time_left: Callable[[], bool],
    sleep: Callable[[float], None],
) -> Iterator[Command]:
    """Open commands by a page of each in turn, as far as time allows; a fault waits until all had theirs."""
    faults: list[Exception] = []
    turn = deque(commands.open())
    while turn and time_left():
        command = turn.popleft()
        try:
            command, goes_on = obey(commands, search, hands, command, sleep)
        except Exception as fault:
            faults.append(fault)
            continue
        if goes_on:
            turn.append(command)
        else:
            yield command
    yield from (command for command in turn if command.tried)
    if faults:
        raise faults[0]
