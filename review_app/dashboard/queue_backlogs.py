"""Queue backlogs: the messages of each queue, and the oldest item that its consumer has to handle."""

from dataclasses import dataclass
from itertools import islice, takewhile

from review_app.container import Container
from workflow.inspections.inspection import InspectionState
from workflow.inspections.repository import InspectionQueries
from workflow.recovery.commands import CommandRepository
from workflow.review.queue import ReviewQueue, ReviewRepository

MAX_READ = 1000
QUEUE_LINKS = {
    "intake": "/executions?status=inspecting",
    "decisions": "/executions?status=waiting",
    "escalations": "/executions?status=waiting",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OldestItem:
    """The oldest item that a queue's consumer has to handle; `since` is empty if there is none."""

    description: str
    since: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueBacklog:
    """A queue: its number of messages, the list of its inspections, and its oldest item.

    SQS shows a message's age only to its receiver, so the oldest item comes from the tables.
    """

    name: str
    depth: int
    link: str
    oldest: OldestItem


def list_queue_backlogs(container: Container, now: str) -> list[QueueBacklog]:
    """Return the queues in the order in which a photo passes them."""
    oldest = {
        "intake": _oldest_in_progress(container.inspections),
        "decisions": _oldest_undelivered(container.inspections, now),
        "escalations": _oldest_escalation(container.reviews),
        "commands": _oldest_command(container.commands),
    }
    return [
        QueueBacklog(name=name, depth=depth(), link=QUEUE_LINKS.get(name, ""), oldest=oldest[name])
        for name, depth in container.queue_depths.items()
    ]


def _oldest_in_progress(inspections: InspectionQueries) -> OldestItem:
    row = inspections.get_oldest(InspectionState.INSPECTING)
    if row is None:
        return OldestItem(description="photo in progress")
    return OldestItem(
        description="photo in progress", since=row.revision_started_at, link=f"/executions/{row.owner}"
    )


def _oldest_undelivered(inspections: InspectionQueries, now: str) -> OldestItem:
    """Return the decision that has been ready for delivery for longest, among the oldest photos."""
    ready = [
        (row.decision.effective_at or row.decision.decided_at, f"/executions/{row.owner}")
        for row in inspections.list_decided(MAX_READ)
        if row.decision and not row.decision.delivered_at and not row.settled
    ]
    since, link = min((item for item in ready if item[0] <= now), default=("", ""))
    return OldestItem(description="decision to deliver", since=since, link=link)


def _oldest_escalation(reviews: ReviewRepository) -> OldestItem:
    """Return the oldest escalated review; escalated reviews come first in the queue."""
    escalated = takewhile(lambda item: item.escalated, reviews.list_items(ReviewQueue.OPEN))
    items = [(item.opened_at, f"/inspections/{item.id}") for item in islice(escalated, MAX_READ)]
    since, link = min(items, default=("", ""))
    return OldestItem(description="escalated review", since=since, link=link)


def _oldest_command(commands: CommandRepository) -> OldestItem:
    command = next(iter(commands.list_open()), None)
    if command is None:
        return OldestItem(description="open command")
    return OldestItem(description="open command", since=command.requested_at, link=f"/commands/{command.id}")
