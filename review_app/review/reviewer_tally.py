"""The tally of each reviewer's answers today, read incrementally from the audit trail."""

import threading
from dataclasses import dataclass, field

from workflow import timestamps
from workflow.inspections.inspection import AuditAction, AuditEntry
from workflow.inspections.repository import AuditLog

RATE_WINDOW_SECONDS = 300
MAX_RECENT = 500
_ANSWER_ACTIONS = (AuditAction.DECIDE, AuditAction.SECOND_REVIEW)
_INDEX_LAG_SECONDS = 10


@dataclass(slots=True)
class _ReviewerAnswers:
    actions: dict[str, AuditAction] = field(default_factory=dict)  # By the id of the answer.
    recent: list[AuditEntry] = field(default_factory=list)


class ReviewerTally:
    """The answers of one day (UTC) by reviewer. Undone answers do not count."""

    def __init__(
        self,
        inspections: AuditLog,
        clock: timestamps.Clock = timestamps.now,
        cache_seconds: float = 1.0,
    ) -> None:
        self._inspections, self._clock, self._cache_seconds = inspections, clock, cache_seconds
        self._lock = threading.Lock()
        self._reset("")

    def _reset(self, day: str) -> None:
        self._day, self._read_at, self._since = day, "", ""
        self._seen: set[tuple[str, str, str, str]] = set()
        self._reviewers: dict[str, _ReviewerAnswers] = {}

    def entry_count(self) -> int:
        """Return the number of audit entries of the day so far, of all users."""
        with self._lock:
            self._refresh()
            return len(self._seen)

    def answer_count(self, reviewer: str) -> int:
        """Return the number of the reviewer's answers: decisions and second reviews."""
        with self._lock:
            self._refresh()
            return len(self._answers_of(reviewer).actions)

    def second_review_count(self, reviewer: str) -> int:
        """Return the number of the answers that are second reviews."""
        with self._lock:
            self._refresh()
            actions = self._answers_of(reviewer).actions.values()
            return sum(action is AuditAction.SECOND_REVIEW for action in actions)

    def answers_per_minute(self, reviewer: str) -> int:
        """Return the reviewer's answers per minute in the last minutes, 0 for fewer than two answers."""
        since = timestamps.add_seconds(self._clock(), -RATE_WINDOW_SECONDS)
        with self._lock:
            self._refresh()
            recent = [entry for entry in self._answers_of(reviewer).recent if entry.at >= since]
        if len(recent) < 2:
            return 0
        minutes = max(1.0, timestamps.seconds_between(recent[0].at, self._clock()) / 60)
        return round(len(recent) / minutes)

    def recent_answers(self, reviewer: str, count: int) -> list[AuditEntry]:
        """Return the reviewer's last `count` answers, newest first."""
        with self._lock:
            self._refresh()
            return self._answers_of(reviewer).recent[: -count - 1 : -1]

    def _answers_of(self, reviewer: str) -> _ReviewerAnswers:
        return self._reviewers.get(reviewer, _ReviewerAnswers())

    def _refresh(self) -> None:
        now = self._clock()
        if now[:10] != self._day:
            self._reset(now[:10])
        if self._read_at and timestamps.seconds_between(self._read_at, now) < self._cache_seconds:
            return
        for entry in self._inspections.list_audit_day(self._day, self._since):
            self._count(entry)
        self._read_at = now
        # The index may lag, so the next refresh reads the last seconds again.
        self._since = timestamps.add_seconds(now, -_INDEX_LAG_SECONDS)

    def _count(self, entry: AuditEntry) -> None:
        key = (entry.inspection_id, entry.at, entry.action, entry.decision_id)
        if key in self._seen:
            return
        self._seen.add(key)
        answers = self._reviewers.setdefault(entry.actor, _ReviewerAnswers())
        if entry.action in _ANSWER_ACTIONS:
            answers.actions[entry.decision_id] = entry.action
            answers.recent = [*answers.recent[-MAX_RECENT:], entry]
        elif entry.action is AuditAction.UNDO:
            answers.actions.pop(entry.decision_id, None)
            answers.recent = [answer for answer in answers.recent if answer.decision_id != entry.decision_id]
