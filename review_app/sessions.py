"""Sessions that end when somebody signs out: the audit trail says which, in every worker and instance."""

import threading
import time
import uuid
from collections.abc import Callable

from workflow import timestamps
from workflow.inspections.inspection import AuditEntry, Ledger

BELIEVED_SECONDS = 30
REMEMBERED = 10_000
SIGN_IN, SIGN_OUT = "sign in", "sign out"


class Sessions:
    """A cookie holds a session's id; that it was ended is looked up, and remembered for moments."""

    def __init__(self, ledger: Ledger, clock: Callable[[], float] = time.monotonic) -> None:
        self._ledger, self._clock = ledger, clock
        self._believed: dict[str, float] = {}
        self._lock = threading.Lock()

    def begin(self, who: str, roles: str) -> str:
        """A new session, noted in the audit trail; returns its id."""
        session = str(uuid.uuid4())
        self._note(session, who, SIGN_IN, roles)
        return session

    def end(self, session: str, who: str) -> None:
        """No copy of the cookie is good any more."""
        self._note(session, who, SIGN_OUT)
        with self._lock:
            self._believed.pop(session, None)

    def lives(self, session: str) -> bool:
        """Whether nobody ended it; another process's end is seen within moments."""
        now = self._clock()
        with self._lock:
            if self._believed.get(session, 0.0) > now:
                return True
        if any(entry.action == SIGN_OUT for entry in self._ledger.audit_trail(_book(session))):
            return False
        with self._lock:
            if len(self._believed) > REMEMBERED:
                self._believed.clear()
            self._believed[session] = now + BELIEVED_SECONDS
        return True

    def _note(self, session: str, who: str, action: str, after: str = "") -> None:
        entry = AuditEntry(_book(session), timestamps.now(), who, action, after=after, decision_id=session)
        self._ledger.note(entry)


def _book(session: str) -> str:
    """The audit trail's key, which no inspection has."""
    return f"session-{session}"
