"""How the line does what engineers ask of one inspection: stop it, start it again, inspect it again."""

from typing import Protocol

from workflow.errors import Conflict
from workflow.inspections.inspection import Ledger, State, known
from workflow.pipeline.intake import ALIVE
from workflow.recovery import redrive
from workflow.recovery.commands import Hands
from workflow.recovery.reconcile import Mender
from workflow.recovery.redrive import Outcome, Redrivable
from workflow.review import revision


class Stoppable(Redrivable, Protocol):
    """Executions that can be ended from outside."""

    def stop(self, name: str, why: str) -> bool:
        """End a running execution; False if nobody remembers it."""


def hands(mender: Mender, executions: Stoppable) -> Hands:
    """The three kinds, done by the line's own ports."""

    def again(inspection_id: str, who: str, reason: str, command_id: str, by_name: bool) -> str:
        row = revision.inspect_again(
            mender.ledger,
            mender.decisions,
            inspection_id,
            who,
            reason,
            command_id=command_id,
            decided_too=by_name,
        )
        return f"{row.image.key}: revision {row.revision} begins"

    return Hands(
        lambda inspection_id: start_again(mender, executions, inspection_id),
        lambda inspection_id, why: stop(mender.ledger, executions, inspection_id, why),
        again,
    )


def start_again(mender: Mender, executions: Redrivable, inspection_id: str) -> str:
    """Let a failed inspection go on, from the failed step where that is possible."""
    done = redrive.redrive(mender, executions, inspection_id)
    if done.outcome is Outcome.NOT_NEEDED:
        raise Conflict(f"{done.image.key}: not started again, {done.why}")
    return f"{done.image.key}: {done.outcome}, {done.why}"


def stop(ledger: Ledger, executions: Stoppable, inspection_id: str, why: str) -> str:
    """End the running attempt; the clock begins the next one, since no photo may stay without a verdict."""
    row = known(ledger, inspection_id)
    if row.state is State.CLOSED:
        raise Conflict(f"{row.image.key}: not stopped, it was closed at {row.closed_at}")
    if executions.status(row.owner) not in ALIVE or not executions.stop(row.owner, why):
        raise Conflict(f"{row.image.key}: not stopped, its execution does not run")
    return f"{row.image.key}: attempt {row.attempt} was stopped"
