"""Following uploaded photos until the line has answered for each, without pressing it."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from workflow.inspections.inspection import Inspection, Ledger, State
from workflow.inspections.serialization import IN_FLIGHT, answered, verdict

WINDOW = 300
SINGLE_READS = 2
ROUND_SECONDS = 1.2


def follow(
    ledger: Ledger,
    ids: Iterable[str],
    since: str,
    seconds: float,
    show: Callable[[Mapping[str, Inspection]], None],
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> dict[str, Inspection]:
    """The rows of these inspections once they are answered; those that are not within the time are missing.

    `since` is a moment before the first of them was uploaded. Each round asks for the newest rows together,
    and for a few missing ones by id in turn: at most five reads a second however many photos there are.
    """
    missing = dict.fromkeys(ids)
    rows: dict[str, Inspection] = {}
    turn = itertools.count()
    until = clock() + seconds
    while missing:
        seen = _recent(ledger, since) if len(missing) > SINGLE_READS else []
        found = {row.id: row for row in seen if row.id in missing and answered(row)}
        for inspection in _some(list(missing), next(turn)):
            row = None if inspection in found else ledger.get(inspection)
            if row is not None and answered(row):
                found[inspection] = row
        rows.update(found)
        for inspection in found:
            del missing[inspection]
        show(rows)
        if missing and clock() >= until:
            break
        if missing:
            sleep(ROUND_SECONDS)
    return rows


def _recent(ledger: Ledger, since: str) -> list[Inspection]:
    """The newest rows, no more than were claimed since, so that nobody searches days gone by for others."""
    claimed = sum(ledger.count_recent(state, since, WINDOW) for state in State)
    return ledger.newest(min(claimed, WINDOW)) if claimed else []


def _some(missing: list[str], turn: int) -> list[str]:
    start = turn * SINGLE_READS % len(missing)
    return (missing + missing)[start : start + min(SINGLE_READS, len(missing))]


def counts(rows: Iterable[Inspection], in_flight: int = 0) -> Counter[str]:
    """How many photos have each verdict, in the order in which people ask for them."""
    found: Counter[str] = Counter({"ok": 0, "defect": 0, "unclear": 0, "rejected": 0})
    found.update(verdict(row) for row in rows)
    found[IN_FLIGHT] += in_flight
    return found
