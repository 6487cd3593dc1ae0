"""The throughput of the review: assignment and decisions, against the local AWS.

    .venv/bin/python -m benchmarks.review [--waiting 1000] [--reviewers 20] [--per-second 10] [--seconds 60]

Starts an environment and fills separate tables with photos for review that have no execution. Reviewers at
four workers then decide: each has the displayed photo and the next five, waits, decides, and takes another.
They decide first at the requested rate, then as fast as possible. The benchmark measures the domain with its
adapters (leases, transactions, messages), but no pages.
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

from benchmarks.host import describe_host
from local.environment import LocalEnvironment
from local.ports import Ports
from local.resources import create_table, table_name
from workflow import timestamps
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.queues import SqsMessageQueue
from workflow.aws.reviews import DynamoReviewRepository
from workflow.errors import Conflict
from workflow.inspections import undo_window
from workflow.inspections.inspection import Review
from workflow.inspections.objects import Image, inspection_id
from workflow.inspections.verdict import Prediction, Score, Verdict
from workflow.pipeline.executions import execution_name
from workflow.pipeline.start import new_inspection
from workflow.review import decisions
from workflow.review.assignment import ReviewAssigner
from workflow.review.queue import compute_priority
from workflow.tables import AUDIT, INSPECTIONS

WORKERS = 4


@dataclass
class CallTimes:
    """The seconds of each call by its name, and the number of refused decisions."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    refused: int = 0

    def record(self, name: str, started: float) -> None:
        with self.lock:
            self.seconds.setdefault(name, []).append(time.monotonic() - started)

    def format_row(self, name: str) -> str:
        seconds = self.seconds[name]
        median, p95 = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
        return f"{name:10} {len(seconds):>7} {1000 * median:>10.0f} {1000 * p95:>10.0f}"


class BenchmarkTables:
    """Separate tables with photos for review, in the environment's DynamoDB."""

    def __init__(self, environment: LocalEnvironment, waiting: int) -> None:
        tables = [replace(table, name=f"benchmark-{table.name}") for table in (INSPECTIONS, AUDIT)]
        for table in tables:
            create_table(table)
        names = [table_name(table) for table in tables]
        self.inspections = DynamoInspectionRepository(*names)
        self.assigners = [ReviewAssigner(DynamoReviewRepository(*names)) for _ in range(WORKERS)]
        self.queue = SqsMessageQueue(environment.outputs.escalation_queue_url)  # This queue has no consumer.
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._add_waiting, range(waiting)))

    def _add_waiting(self, number: int) -> None:
        image = Image("inbound", f"line-1/part-{number:05}-{uuid.uuid4()}.jpg", "v1")
        confidence = random.Random(number).uniform(0.3, 0.79)
        prediction = Prediction(
            verdict=Verdict.OK,
            label="ok",
            confidence=confidence,
            threshold=0.8,
            scores=(Score("ok", confidence), Score("defect", 1 - confidence)),
            model="arn:model",
            policy_version="1",
        )
        owner = execution_name(inspection_id(image), 1)
        now = timestamps.now()
        row = replace(new_inspection(image, owner, 1, now), prediction=prediction, verdict=Verdict.UNCLEAR)
        self.inspections.claim(row)
        review = Review(opened_at=now, round=1, deadline=timestamps.add_seconds(now, 86_400))
        priority = compute_priority(prediction, review.opened_at, False)
        self.inspections.record_review(row.id, owner, review, priority)


def simulate_reviewer(
    tables: BenchmarkTables, reviewer: int, times: CallTimes, until: float, think_seconds: float
) -> None:
    """Take, wait, decide and take again; any worker serves any call."""
    dice = random.Random(reviewer)
    name = f"reviewer {reviewer}"
    time.sleep(dice.uniform(0, think_seconds))
    rows = tables.assigners[0].assign(name)
    while rows and time.monotonic() < until:
        assigner, started = dice.choice(tables.assigners), time.monotonic()
        rows += assigner.assign(name, 1, already_assigned=[row.id for row in rows])
        times.record("take", started)
        time.sleep(dice.uniform(0.5, 1.5) * think_seconds)
        row, started = rows.pop(0), time.monotonic()
        verdict = dice.choice((Verdict.OK, Verdict.DEFECT))
        try:
            decisions.decide(
                tables.inspections,
                tables.queue,
                row.id,
                verdict,
                name,
                decision_id=str(uuid.uuid4()),
                undo_seconds=undo_window.UNDO_SECONDS,
            )
        except Conflict:
            times.refused += 1
        times.record("decide", started)
        for assigner in tables.assigners:
            assigner.drop_from_cache(row.id)


def measure(tables: BenchmarkTables, reviewers: int, per_second: float, seconds: float, title: str) -> None:
    """Run the reviewers at a rate (0: as fast as possible) and print the rate and the latencies."""
    times, started = CallTimes(), time.monotonic()
    think_seconds = reviewers / per_second if per_second else 0.0
    with ThreadPoolExecutor(reviewers) as pool:
        futures = [
            pool.submit(simulate_reviewer, tables, number, times, started + seconds, think_seconds)
            for number in range(reviewers)
        ]
        for future in futures:
            future.result()
    decided = len(times.seconds.get("decide", ()))
    rate = decided / (time.monotonic() - started)
    print(f"\n{title}: {rate:.1f} decisions/s, {decided} decided, {times.refused} refused")
    print(f"{'call':10} {'calls':>7} {'median ms':>10} {'p95 ms':>10}")
    for name in ("take", "decide"):
        print(times.format_row(name))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.review", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--waiting", type=int, default=1000)
    parser.add_argument("--reviewers", type=int, default=20)
    parser.add_argument("--per-second", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    print(describe_host(), flush=True)
    with (
        tempfile.TemporaryDirectory() as home,
        LocalEnvironment(Path(home), Ports.find_free()) as environment,
    ):
        tables = BenchmarkTables(environment, options.waiting)
        print(f"{options.waiting} photos for review, {options.reviewers} reviewers at {WORKERS} workers")
        measure(tables, options.reviewers, options.per_second, options.seconds, "At the requested rate")
        measure(tables, options.reviewers, 0, options.seconds / 4, "As fast as possible")


if __name__ == "__main__":
    main()
