"""The latency of the execution pages with 100,000 inspections: `python -m benchmarks.history`.

The real app, search and repository adapters run against an in-memory DynamoDB with the latency of DynamoDB's
reads (benchmarks/inspections_in_memory.py). Times are of complete responses over HTTP on this machine.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import median, quantiles
from typing import Any

from benchmarks.host import describe_host
from benchmarks.inspections_in_memory import SECONDS_APART, InMemoryDynamoDBClient, InspectionDataset
from review_app.container import Container
from tests.fakes import InMemoryArchiveIndex, InMemoryExecutionArchive, InMemoryInspectionRepository
from tests.web.sample_executions import reviewed_record
from tests.web.serving import running, visitor
from tests.web.world import World
from workflow import timestamps
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.search import DynamoInspectionSearch
from workflow.history.archive import from_gzip, to_gzip

GET_OBJECT_SECONDS = 0.025
TARGET_MS = {"list": 150, "execution": 150, "name to execution": 200}


class BenchmarkWorld(World):
    """A world with the real search and repository adapters on the in-memory DynamoDB."""

    client: InMemoryDynamoDBClient

    @property
    def container(self) -> Container:
        """Return the container with the real adapters."""
        container = super().container
        history = replace(
            container.history, search=DynamoInspectionSearch("inspections", "name-index", self.client)
        )
        inspections = DynamoInspectionRepository("inspections", "audit", self.client)
        return replace(container, inspections=inspections, history=history)


def create_world(count: int) -> tuple[BenchmarkWorld, InMemoryDynamoDBClient, InspectionDataset]:
    """Create the world, its DynamoDB client and its dataset."""
    started_at = timestamps.add_seconds(timestamps.now(), -count * SECONDS_APART)
    dataset = InspectionDataset(count=count, started_at=started_at).fill()
    world, client = BenchmarkWorld.new(), InMemoryDynamoDBClient(dataset)
    object.__setattr__(world, "client", client)
    object.__setattr__(world, "metrics", InMemoryArchiveIndex(InMemoryInspectionRepository()))
    object.__setattr__(world, "archive", UniformArchive())
    return world, client, dataset


class UniformArchive(InMemoryExecutionArchive):
    """An archive with one record for all executions: retries, a week of waiting, escalation and redrive."""

    def __init__(self) -> None:
        super().__init__()
        self._compressed = to_gzip(reviewed_record("any"))

    def get(self, execution: str) -> Any:
        time.sleep(GET_OBJECT_SECONDS)
        return replace(from_gzip(self._compressed), execution=execution)


def main() -> None:
    """Parse the arguments, run the requests, and print their latency beside the targets."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.history", description=__doc__)
    parser.add_argument("--inspections", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print(describe_host(), flush=True)
    began = time.monotonic()
    world, client, dataset = create_world(options.inspections)
    print(f"{options.inspections:,} inspections seeded in {time.monotonic() - began:.0f} s")
    with running(world) as address, visitor(address, "eve", "engineer") as browser:
        results = {
            kind: measure(partial(browser.get, path(dataset)), options.requests, client)
            for kind, path in request_paths(dataset).items()
        }
        results["name to execution"] = measure(
            lambda: open_by_name(browser, dataset), options.requests, client
        )
    for kind, result in results.items():
        target = TARGET_MS.get(kind if kind in TARGET_MS else "list")
        latency = f"p50 {result['p50']:6.0f} ms   p95 {result['p95']:6.0f} ms"
        print(f"{kind:34} {latency}   target {target} ms   {result['reads']:.1f} reads")
    if options.json:
        print(json.dumps(results))


def request_paths(dataset: InspectionDataset) -> dict[str, Callable[[InspectionDataset], str]]:
    """Return a function for each kind of request that returns a path, for another photo each time."""
    numbers = iter(range(17, 10**9, 911))

    def number() -> int:
        return next(numbers) % dataset.count

    return {
        "list": lambda _: "/executions",
        "list, part of a name": lambda _: f"/executions?q={number():06}",
        "list, common beginning": lambda _: "/executions?q=cast_def*",
        "list, waiting": lambda _: "/executions?status=waiting",
        "list, rejected": lambda _: "/executions?verdict=rejected",
        "list, by reviewer and verdict": lambda _: "/executions?by=cyd&verdict=defect",
        "list, old model, defect": lambda _: "/executions?model=pq.2026-09&verdict=defect",
        "list, a day a week ago": lambda _: f"/executions?from={day(7)}&to={day(7)}",
        "list, deep page": lambda data: f"/executions?cursor=older~{data.at(number())}~{'f' * 64}",
        "execution": lambda data: f"/executions/{data.ids[number()]}-1",
    }


def day(days_ago: int) -> str:
    """Return the date some days ago."""
    return timestamps.add_seconds(timestamps.now(), -86400 * days_ago)[:10]


_photo_numbers = iter(range(31, 10**9, 1013))


def open_by_name(browser: Any, dataset: InspectionDataset) -> Any:
    """Search by name, then open the only result."""
    number = next(_photo_numbers) % dataset.count
    page = browser.get(f"/executions?q={dataset.name(number)}")
    link = f"/executions/{dataset.ids[number]}-1"
    assert link in page.text, dataset.name(number)
    return browser.get(link)


def measure(request: Callable[[], Any], count: int, client: InMemoryDynamoDBClient) -> dict[str, float]:
    """Return the p50 and p95 latency (ms) and the DynamoDB reads per request, after a warm-up."""
    milliseconds = []
    for _ in range(3):
        request()
    before = client.reads.total()
    for _ in range(count):
        began = time.perf_counter()
        response = request()
        milliseconds.append((time.perf_counter() - began) * 1000)
        assert response.status_code == 200, response.text
    reads = (client.reads.total() - before) / count
    return {"p50": median(milliseconds), "p95": quantiles(milliseconds, n=20)[-1], "reads": reads}


if __name__ == "__main__":
    main()
