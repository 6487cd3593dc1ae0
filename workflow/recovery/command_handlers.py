"""Handlers of engineers' commands for one inspection: redrive it, stop it, or reinspect it."""

from typing import Protocol

from workflow.errors import Conflict
from workflow.inspections.inspection import InspectionState
from workflow.inspections.objects import InspectionId
from workflow.inspections.repository import InspectionRepository, get_or_raise
from workflow.pipeline.executions import ACTIVE_STATUSES
from workflow.recovery import redrive
from workflow.recovery.commands import CommandHandlers
from workflow.recovery.reconcile import Reconciler
from workflow.recovery.redrive import RedrivableExecutions, RedriveOutcome
from workflow.review import revision


class StoppableExecutions(RedrivableExecutions, Protocol):
    """Executions that can be stopped."""

    def stop(self, name: str, reason: str) -> bool:
        """Stop a running execution. Return False if the engine no longer knows it."""


def build_handlers(reconciler: Reconciler, executions: StoppableExecutions) -> CommandHandlers:
    """Build the handlers of the three kinds of commands from the ports of reconciliation."""

    def reinspect(
        inspection_id: InspectionId, actor: str, reason: str, command_id: str, by_name: bool
    ) -> str:
        row = revision.reinspect(
            reconciler.inspections,
            reconciler.delivery_queue,
            inspection_id,
            actor,
            reason,
            command_id=command_id,
            include_decided=by_name,
        )
        return f"{row.image.key}: revision {row.revision} begins"

    return CommandHandlers(
        redrive=lambda inspection_id: redrive_inspection(reconciler, executions, inspection_id),
        stop=lambda inspection_id, reason: stop_inspection(
            reconciler.inspections, executions, inspection_id, reason
        ),
        reinspect=reinspect,
    )


def redrive_inspection(
    reconciler: Reconciler, executions: RedrivableExecutions, inspection_id: InspectionId
) -> str:
    """Redrive a failed inspection and return a message. Raise Conflict if it is closed or running."""
    result = redrive.redrive(reconciler, executions, inspection_id)
    if result.outcome is RedriveOutcome.NOT_NEEDED:
        raise Conflict(f"{result.image.key}: not started again, {result.reason}")
    return f"{result.image.key}: {result.outcome}, {result.reason}"


def stop_inspection(
    inspections: InspectionRepository,
    executions: StoppableExecutions,
    inspection_id: InspectionId,
    reason: str,
) -> str:
    """Stop the running attempt and return a message. Raise Conflict if it is closed or not running.

    Reconciliation begins the next attempt, since every photo must get a verdict.
    """
    row = get_or_raise(inspections, inspection_id)
    if row.state is InspectionState.CLOSED:
        raise Conflict(f"{row.image.key}: not stopped, it was closed at {row.closed_at}")
    is_active = executions.get_status(row.owner) in ACTIVE_STATUSES
    if not is_active or not executions.stop(row.owner, reason):
        raise Conflict(f"{row.image.key}: not stopped, its execution is not running")
    return f"{row.image.key}: attempt {row.attempt} was stopped"
