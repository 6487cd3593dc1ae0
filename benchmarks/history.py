"""How fast executions are found and shown among 100,000 inspections: `python -m benchmarks.history`.

The real app, search and ledger adapters run against a DynamoDB in memory (benchmarks/ledger_in_memory.py)
that takes the time of DynamoDB's reads. Times are of whole answers over HTTP on this machine.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace
from statistics import median, quantiles
from typing import Any

from benchmarks.ledger_in_memory import SECONDS_APART, Books, Client
from benchmarks.machine import machine
from review_app.ports import Ports
from tests.fakes import MemoryArchive, MemoryBooks, MemoryLedger
from tests.web.serving import running, visitor
from tests.web.stories import reviewed
from tests.web.world import World
from workflow import timestamps
from workflow.aws.ledger import DynamoLedger
from workflow.aws.search import DynamoSearch
from workflow.history.archive import packed, unpacked

OBJECT_SECONDS = 0.025
TARGETS = {"list": 150, "execution": 150, "name to execution": 200}


class Crowd(World):
    """A world whose ledger and search are the real adapters on the memory."""

    client: Client
    books_of_all: Books

    @property
    def ports(self) -> Ports:
        ledger = DynamoLedger("ledger", "audit", self.client)
        known = super().ports
        search = DynamoSearch("ledger", "names", self.client)
        past = replace(known.past, search=search)
        return replace(known, ledger=ledger, past=past)


def world(count: int) -> tuple[Crowd, Client, Books]:
    books = Books(count, timestamps.later(timestamps.now(), -count * SECONDS_APART)).fill()
    crowd, client = Crowd.new(), Client(books)
    object.__setattr__(crowd, "client", client)
    object.__setattr__(crowd, "books", MemoryBooks(MemoryLedger()))
    object.__setattr__(crowd, "archive", EveryRecord())
    return crowd, client, books


class EveryRecord(MemoryArchive):
    """Any execution has a record, read as from S3: retries, a week's wait, an escalation, a redrive."""

    def __init__(self) -> None:
        super().__init__()
        self._packed = packed(reviewed("any"))

    def get(self, execution: str) -> Any:
        time.sleep(OBJECT_SECONDS)
        return replace(unpacked(self._packed), execution=execution)


def main() -> None:
    """Print each kind's times, and whether the targets hold."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--inspections", type=int, default=100_000)
    options.add_argument("--times", type=int, default=60)
    options.add_argument("--json", action="store_true")
    told = options.parse_args()
    print(machine(), flush=True)
    began = time.monotonic()
    crowd, client, books = world(told.inspections)
    print(f"{told.inspections:,} inspections seeded in {time.monotonic() - began:.0f} s")
    with running(crowd) as address, visitor(address, "eve", "engineer") as browser:
        results = {
            kind: measured(lambda path=path: browser.get(path(books)), told.times, client)
            for kind, path in kinds(books).items()
        }
        results["name to execution"] = measured(lambda: found(browser, books), told.times, client)
    for kind, one in results.items():
        target = TARGETS.get(kind if kind in TARGETS else "list")
        took = f"p50 {one['p50']:6.0f} ms   p95 {one['p95']:6.0f} ms"
        print(f"{kind:34} {took}   target {target} ms   {one['reads']:.1f} reads")
    if told.json:
        print(json.dumps(results))


def kinds(books: Books) -> dict[str, Callable[[Books], str]]:
    """Addresses, another photo each time."""
    numbers = iter(range(17, 10**9, 911))

    def number() -> int:
        return next(numbers) % books.count

    return {
        "list": lambda _: "/executions",
        "list, part of a name": lambda _: f"/executions?q={number():06}",
        "list, common beginning": lambda _: "/executions?q=cast_def*",
        "list, waiting": lambda _: "/executions?status=waiting",
        "list, rejected": lambda _: "/executions?verdict=rejected",
        "list, by reviewer and verdict": lambda _: "/executions?by=cyd&verdict=defect",
        "list, old model, defect": lambda _: "/executions?model=pq.2026-09&verdict=defect",
        "list, a day a week ago": lambda _: f"/executions?from={day(7)}&to={day(7)}",
        "list, deep page": lambda of: f"/executions?mark=older~{of.at(number())}~{'f' * 64}",
        "execution": lambda of: f"/executions/{of.ids[number()]}-1",
    }


def day(ago: int) -> str:
    return timestamps.later(timestamps.now(), -86400 * ago)[:10]


_photos = iter(range(31, 10**9, 1013))


def found(browser: Any, books: Books) -> Any:
    """Two steps: the name into the search, the one hit opened."""
    number = next(_photos) % books.count
    page = browser.get(f"/executions?q={books.name(number)}")
    link = f"/executions/{books.ids[number]}-1"
    assert link in page.text, books.name(number)
    return browser.get(link)


def measured(ask: Callable[[], Any], times: int, client: Client) -> dict[str, float]:
    """Milliseconds of an answer, and DynamoDB reads for it, warmed up."""
    took = []
    for _ in range(3):
        ask()
    before = client.reads.total()
    for _ in range(times):
        began = time.perf_counter()
        answer = ask()
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.text
    reads = (client.reads.total() - before) / times
    return {"p50": median(took), "p95": quantiles(took, n=20)[-1], "reads": reads}


if __name__ == "__main__":
    main()
