"""Services of the review pages that the requests of one worker process share."""

from fastapi import Request

from review_app.container import Container
from review_app.live import POLL_SECONDS, StatePoller
from review_app.review.reviewer_tally import ReviewerTally
from review_app.settings import ReviewAppSettings
from workflow.review.assignment import ReviewAssigner
from workflow.review.queue import ReviewQueue


class ReviewServices:
    """The review assigner, the tally of the day and the topic of changes; each process has its own."""

    def __init__(self, settings: ReviewAppSettings, container: Container) -> None:
        self.settings, self.container = settings, container
        self.assigner = ReviewAssigner(container.reviews, cache_seconds=POLL_SECONDS)
        self.tally = ReviewerTally(container.inspections, cache_seconds=POLL_SECONDS)
        self.topic = StatePoller(self.read_state)

    def read_state(self) -> tuple[object, ...]:
        """Return the state from which the counts are computed; listeners hear of its changes.

        It includes the tally, where an answer may appear after its photo has left the queue, and the leases
        and skips that have expired, since no row changes when they do.
        """
        waiting = tuple(self.assigner.list_items())
        on_hold = len(self.assigner.list_items(ReviewQueue.ON_HOLD))
        return waiting, on_hold, self.assigner.list_expirations(), self.tally.entry_count()


def review_services(request: Request) -> ReviewServices:
    """Dependency: return the process's review services."""
    services: ReviewServices = request.app.state.review_services
    return services
