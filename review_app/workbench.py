"""What the review pages of one worker process share: the hand-out, today's tally, what changes."""

from fastapi import Request

from review_app.live import LOOK_SECONDS, Topic
from review_app.ports import Ports
from review_app.settings import Settings
from review_app.today import Today
from workflow.review.assignment import Desk
from workflow.review.queue import Pile


class Workbench:
    """One a process; nothing in it is needed by another process."""

    def __init__(self, settings: Settings, ports: Ports) -> None:
        self.settings, self.ports = settings, ports
        self.desk = Desk(ports.reviews, keep_seconds=LOOK_SECONDS)
        self.today = Today(ports.ledger, keep_seconds=LOOK_SECONDS)
        self.topic = Topic(self.look)

    def look(self) -> tuple[object, ...]:
        """What the counts are made of; its change is told to all who listen.

        The tally is part of it: an answer may be read there only after its photo left the pile. So is what
        ran out: no row changes when a lease ends, and yet its photo is free.
        """
        waiting, held = tuple(self.desk.waiting()), len(self.desk.waiting(Pile.HELD))
        return waiting, held, self.desk.lapsed(), self.today.heard()


def workbench(request: Request) -> Workbench:
    """Dependency: the process's workbench."""
    bench: Workbench = request.app.state.workbench
    return bench
