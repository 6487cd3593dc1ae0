"""Sessions that end at sign-out in every worker and instance: the audit trail records start and end."""

import threading
import time
import uuid
from collections.abc import Callable

from workflow import timestamps
from workflow.inspections.inspection import AuditAction, AuditEntry
from workflow.inspections.repository import AuditLog

CACHE_SECONDS = 30
MAX_CACHED = 10_000


class SessionRegistry:
    """Active sessions. A cookie holds a session's id; an active session is cached for CACHE_SECONDS."""

    def __init__(self, inspections: AuditLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._inspections, self._clock = inspections, clock
        self._active_until: dict[str, float] = {}
        self._lock = threading.Lock()

    def start(self, who: str, roles: str) -> str:
        """Start a session, record it in the audit trail and return its id."""
        session = str(uuid.uuid4())
        self._record(session, who, AuditAction.SIGN_IN, roles)
        return session

    def end(self, session: str, who: str) -> None:
        """End a session, so that copies of its cookie become invalid."""
        self._record(session, who, AuditAction.SIGN_OUT)
        with self._lock:
            self._active_until.pop(session, None)

    def is_active(self, session: str) -> bool:
        """Return True if a session has not ended. The end in another process is seen after CACHE_SECONDS."""
        now = self._clock()
        with self._lock:
            if self._active_until.get(session, 0.0) > now:
                return True
        if any(
            entry.action is AuditAction.SIGN_OUT
            for entry in self._inspections.get_audit_trail(_audit_key(session))
        ):
            return False
        with self._lock:
            if len(self._active_until) > MAX_CACHED:
                self._active_until.clear()
            self._active_until[session] = now + CACHE_SECONDS
        return True

    def _record(self, session: str, who: str, action: AuditAction, after: str = "") -> None:
        entry = AuditEntry(
            inspection_id=_audit_key(session),
            at=timestamps.now(),
            actor=who,
            action=action,
            after=after,
            decision_id=session,
        )
        self._inspections.append_audit_entry(entry)


def _audit_key(session: str) -> str:
    """Return the session's key in the audit trail, which no inspection has."""
    return f"session-{session}"
