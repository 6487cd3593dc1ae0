"""The scheduled consistency check: one pass a day, in slices that resume from a stored position."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from workflow import timestamps
from workflow.deferred_errors import defer_errors
from workflow.recovery.consistency import build_id_group_check
from workflow.recovery.id_groups import id_prefix, iter_id_groups
from workflow.recovery.issues import Issue, IssueKind
from workflow.recovery.reconcile import RESTART_FACTOR, Reconciler

SECONDS_BETWEEN_PASSES = 24 * 3600
HARMLESS = (IssueKind.PENDING_DELETE, IssueKind.UNREFERENCED_COPY)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckProgress:
    """The progress of the scheduled check.

    `position` is that of the last id group that was compared, empty between two passes. `found` counts the
    issues of this pass that need a person, and `found_before` those of the last complete pass.
    """

    started_at: str = ""
    position: str = ""
    found: int = 0
    found_before: int = 0

    @property
    def unaccounted(self) -> int:
        """The number of photos, objects and executions that are not accounted for, as far as is known."""
        return max(self.found, self.found_before)


class CheckProgressStore(Protocol):
    """The stored progress of the scheduled check."""

    def load(self) -> CheckProgress:
        """Return the progress; its defaults if no check began yet."""

    def save(self, progress: CheckProgress) -> None:
        """Replace the progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledCheck:
    """The ports of the scheduled check, and the buckets that it compares with the table."""

    reconciler: Reconciler
    progress: CheckProgressStore
    inbound: str
    filed: str
    history: str

    def run_slice(self, time_left: Callable[[], bool]) -> CheckProgress:
        """Compare at least one id group, and more while there is time. Adopt what is safe to adopt.

        A pass begins a day after the last one began. An error with one group is raised after the others.
        """
        progress = self._begin()
        if progress is None:
            return self.progress.load()
        objects = self.reconciler.objects
        check = build_id_group_check(
            self.reconciler.inspections, objects, objects.list_versions(self.inbound)
        )
        groups = iter_id_groups(
            self.reconciler.inspections, objects, self.filed, self.history, after=progress.position
        )
        adopted = 0
        with defer_errors() as capture:
            for group in groups:
                with capture():
                    for issue in check.find_issues(group):
                        repaired = self._adopt(issue)
                        adopted += repaired
                        needs_person = not repaired and issue.kind not in HARMLESS
                        progress = replace(progress, found=progress.found + needs_person)
                progress = replace(progress, position=group.position)
                if not time_left() or adopted >= RESTART_FACTOR * self.reconciler.max_in_flight:
                    break
            else:
                progress = replace(progress, position="", found=0, found_before=progress.found)
            self.progress.save(progress)
        return progress

    def _begin(self) -> CheckProgress | None:
        """Return the progress of the pass that is under way or due, or None."""
        progress, now = self.progress.load(), timestamps.now()
        if progress.position:
            return progress
        if progress.started_at > timestamps.add_seconds(now, -SECONDS_BETWEEN_PASSES):
            return None
        return replace(progress, started_at=now)

    def _adopt(self, issue: Issue) -> bool:
        """Adopt an unknown object, unless it lies where filing puts photos.

        There it had a row once, so a person decides first whether to restore the table.
        """
        if issue.kind is not IssueKind.UNKNOWN_OBJECT or id_prefix(issue.image):
            return False
        return self.reconciler.repair(issue)
