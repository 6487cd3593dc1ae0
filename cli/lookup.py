"""Which inspection a person means: by execution, id, the id's first digits, key, or the photo's name."""

import re
from collections.abc import Iterable

from workflow.errors import NotFound
from workflow.inspections.inspection import Inspection, Ledger, State

RECENT = 1000

_ID = re.compile(r"[0-9a-f]{64}")
_EXECUTION = re.compile(r"([0-9a-f]{64})-\d+")
_PREFIX = re.compile(r"[0-9a-f]{4,63}")
_ADDRESS = re.compile(r"s3://[^/]+/(.+)", re.DOTALL)


def execution(text: str) -> str:
    """The text itself when it names an execution, else nothing."""
    return text if _EXECUTION.fullmatch(text) else ""


def matches(ledger: Ledger, text: str) -> list[Inspection]:
    """Every inspection that a text may mean, newest first; names count before the first digits of an id."""
    named = _EXECUTION.fullmatch(text)
    if named or _ID.fullmatch(text):
        row = ledger.get(named[1] if named else text)
        return [row] if row else []
    return _by_key(ledger, text) or _by_prefix(ledger, text)


def one(ledger: Ledger, text: str) -> tuple[Inspection, int]:
    """The newest inspection that a text means, and how many others it means too; NotFound if none."""
    found = matches(ledger, text)
    if not found:
        raise NotFound(
            f"No inspection of {text!r}: name a photo, its key in S3, an execution, "
            f"or at least four digits of an inspection's id (among the newest {RECENT:,})."
        )
    return found[0], len(found) - 1


def ids(ledger: Ledger, texts: Iterable[str]) -> list[str]:
    """The ids of what all texts mean, each once; NotFound, before anything is done, if one means nothing."""
    return list(dict.fromkeys(one(ledger, text)[0].id for text in texts))


def _by_key(ledger: Ledger, text: str) -> list[Inspection]:
    address = _ADDRESS.fullmatch(text)
    key = address[1] if address else text
    rows = ledger.by_name(key.rsplit("/", 1)[-1] or key)
    if "/" not in key:
        return rows
    return [row for row in rows if key in (row.image.key, row.location.key)]


def _by_prefix(ledger: Ledger, text: str) -> list[Inspection]:
    if not _PREFIX.fullmatch(text):
        return []
    recent = {row.id: row for row in ledger.newest(RECENT) if row.id.startswith(text)}
    waiting = (row for row in ledger.in_state(State.WAITING) if row.id.startswith(text))
    found = {**recent, **{row.id: row for row in waiting}}
    return sorted(found.values(), key=lambda row: row.claimed_at, reverse=True)
