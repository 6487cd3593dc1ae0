"""How fast reviewers are served: the hand-out and the decisions, against the local AWS.

    .venv/bin/python -m benchmarks.review [--waiting 1000] [--reviewers 20] [--per-second 10] [--seconds 60]

Starts a line and fills tables beside its own with waiting photos that no execution is behind. Then
reviewers at four workers decide: each has his photo and the next five, thinks, decides, and takes another.
First at the pace asked for, then as fast as it goes. What it measures is the domain with its adapters:
leases, transactions, the message; the pages come on top.
"""

import argparse
import random
import statistics
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.machine import machine
from local.line import Line
from local.ports import Ports
from local.resources import create_table, table_name
from workflow import timestamps
from workflow.aws.ledger import DynamoLedger
from workflow.aws.queues import SqsQueue
from workflow.aws.reviews import DynamoReviews
from workflow.errors import Conflict
from workflow.inspections.inspection import Review
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.pipeline.intake import execution_name, new_row
from workflow.review import decisions
from workflow.review.assignment import Desk
from workflow.review.queue import rank
from workflow.tables import AUDIT, LEDGER

WORKERS = 4


@dataclass
class Timed:
    """The seconds that each call took, by its name, and what was refused."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    refused: int = 0

    def note(self, name: str, began: float) -> None:
        with self.lock:
            self.seconds.setdefault(name, []).append(time.monotonic() - began)

    def row(self, name: str) -> str:
        found = self.seconds[name]
        cuts = statistics.quantiles(found, n=20)
        return f"{name:10} {len(found):>7} {1000 * statistics.median(found):>10.0f} {1000 * cuts[-1]:>10.0f}"


class Books:
    """Tables of the benchmark's own, on the line's DynamoDB."""

    def __init__(self, line: Line, waiting: int) -> None:
        tables = [replace(table, name=f"benchmark-{table.name}") for table in (LEDGER, AUDIT)]
        for table in tables:
            create_table(table)
        names = [table_name(table) for table in tables]
        self.ledger = DynamoLedger(*names)
        self.desks = [Desk(DynamoReviews(*names)) for _ in range(WORKERS)]
        self.queue = SqsQueue(line.site.escalation_queue_url)  # Nobody reads it.
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._fill, range(waiting)))

    def _fill(self, number: int) -> None:
        image = Image("inbound", f"line-1/part-{number:05}-{uuid.uuid4()}.jpg", "v1")
        dice = random.Random(number)
        ok = dice.uniform(0.3, 0.79)
        scores = (Score("ok", ok), Score("defect", 1 - ok))
        seen = Prediction(Verdict.OK, "ok", ok, 0.8, scores, "arn:model", "1")
        owner = execution_name(inspection_id(image), 1)
        row = replace(new_row(image, owner, 1, timestamps.now()), prediction=seen, verdict=Verdict.UNCLEAR)
        self.ledger.claim(row)
        asked = Review(timestamps.now(), 1, timestamps.later(timestamps.now(), 86_400))
        self.ledger.record_review(row.id, owner, asked, rank(seen, asked.opened_at, False))


def work(books: Books, reviewer: int, timed: Timed, until: float, think: float) -> None:
    """One person: take, think, decide, take again; any worker serves any call."""
    dice = random.Random(reviewer)
    time.sleep(dice.uniform(0, think))
    rows = books.desks[0].take(f"reviewer {reviewer}")
    while rows and time.monotonic() < until:
        desk, began = dice.choice(books.desks), time.monotonic()
        rows += desk.take(f"reviewer {reviewer}", 1, have=[row.id for row in rows])
        timed.note("take", began)
        time.sleep(dice.uniform(0.5, 1.5) * think)
        row, began = rows.pop(0), time.monotonic()
        verdict = dice.choice((Verdict.OK, Verdict.DEFECT))
        try:
            decisions.decide(
                books.ledger,
                books.queue,
                row.id,
                verdict,
                f"reviewer {reviewer}",
                decision_id=str(uuid.uuid4()),
                undo_seconds=decisions.UNDO_SECONDS,
            )
        except Conflict:
            timed.refused += 1
        timed.note("decide", began)
        for one in books.desks:
            one.forget(row.id)


def measure(books: Books, reviewers: int, per_second: float, seconds: float, title: str) -> None:
    timed, began = Timed(), time.monotonic()
    think = reviewers / per_second if per_second else 0.0
    with ThreadPoolExecutor(reviewers) as pool:
        for done in [
            pool.submit(work, books, number, timed, began + seconds, think) for number in range(reviewers)
        ]:
            done.result()
    decided = len(timed.seconds.get("decide", ()))
    rate = decided / (time.monotonic() - began)
    print(f"\n{title}: {rate:.1f} decisions/s, {decided} decided, {timed.refused} refused")
    print(f"{'call':10} {'calls':>7} {'median ms':>10} {'p95 ms':>10}")
    for name in ("take", "decide"):
        print(timed.row(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--waiting", type=int, default=1000)
    parser.add_argument("--reviewers", type=int, default=20)
    parser.add_argument("--per-second", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=60)
    given = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as home, Line(Path(home), Ports.free()) as line:
        books = Books(line, given.waiting)
        print(f"{given.waiting} photos wait, {given.reviewers} reviewers at {WORKERS} workers")
        measure(books, given.reviewers, given.per_second, given.seconds, "At the pace asked for")
        measure(books, given.reviewers, 0, given.seconds / 4, "As fast as it goes")


if __name__ == "__main__":
    main()
