"""Thousands of photos at once: what becomes of them, how fast, and what it takes in memory.

    .venv/bin/python -m benchmarks.burst [--uploads 5000] [--seed 1]

A fifth of them are names written ten times each (100 of 5,000). All lie in the bucket before the first event
is sent; then the events come as S3 may send them: 5 % twice, 10 % out of order. No photo needs a person.
"""

import argparse
import json
import random
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from benchmarks.line import without_doubt
from benchmarks.machine import machine
from benchmarks.processes import memory_mb
from benchmarks.traffic import Sent, Traffic, trained_line
from local.line import Line
from local.queues import UPLOADS_RULE
from workflow import timestamps
from workflow.aws.clients import client

AT_ONCE = 12
VERSIONS_OF_A_NAME = 10
MOMENT = 0.001


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at the line: seconds since the first event, photos announced, memory of all processes."""

    seconds: float
    announced: int
    megabytes: float


def keys(uploads: int) -> list[str]:
    """As many keys as uploads; a fifth of the uploads share names, ten each."""
    shared = uploads // 5 // VERSIONS_OF_A_NAME
    again = [f"again/{number % shared:03}.jpg" for number in range(shared * VERSIONS_OF_A_NAME)]
    return again + [f"once/{number:05}.jpg" for number in range(uploads - len(again))]


def events(sent: list[Sent], rng: random.Random) -> list[str]:
    """The events of all uploads: 5 % of them twice, 10 % somewhere else than they belong."""
    order = sent + rng.sample(sent, len(sent) // 20)
    for _ in range(len(order) // 10):
        order.insert(rng.randrange(len(order)), order.pop(rng.randrange(len(order))))
    return [
        json.dumps(
            {
                "time": timestamps.now(),
                "detail": {
                    "bucket": {"name": one.image.bucket},
                    "object": {"key": one.image.key, "version-id": one.image.version_id},
                },
            }
        )
        for one in order
    ]


def send(url: str, bodies: list[str]) -> None:
    """All messages, ten at a time."""
    sqs = client("sqs")
    for start in range(0, len(bodies), 10):
        batch = [
            {"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies[start : start + 10])
        ]
        failed = sqs.send_message_batch(QueueUrl=url, Entries=batch).get("Failed")
        if failed:
            raise RuntimeError(f"the queue refused {failed}")


def watched(traffic: Traffic, uploads: int, patience: float) -> Iterator[Sample]:
    """A look every few seconds, until every photo is announced."""
    began, last = time.monotonic(), 0.0
    while (seconds := time.monotonic() - began) < patience:
        done = len(traffic.told_at)
        yield Sample(seconds, done, memory_mb())
        if done >= uploads:
            return
        if seconds - last > 60:
            last = seconds
            print(f"{seconds:5.0f} s: {done:,} of {uploads:,}", flush=True)
        time.sleep(5)


def figures(samples: list[Sample], seconds: list[float]) -> dict[str, object]:
    """Throughput, its steadiness from a tenth of the photos on, latency and memory."""
    at = sorted(seconds)
    if len(at) < 3:
        return {"photos": len(at)}
    done, took = len(at), at[-1]
    tenth, half = done // 10, done // 2
    first = (half - tenth) / max(at[half] - at[tenth], MOMENT)
    second = (done - 1 - half) / max(took - at[half], MOMENT)
    memory = [sample.megabytes for sample in samples if sample.announced >= tenth] or [samples[-1].megabytes]
    return {
        "photos": done,
        "seconds": round(took),
        "photos a second": round(done / took, 2),
        "first half, photos a second": round(first, 2),
        "second half, photos a second": round(second, 2),
        "seconds from the first event to the verdict": {
            "median": round(statistics.median(at)),
            "p95": round(statistics.quantiles(at, n=20)[-1]),
            "last": round(took),
        },
        "memory of all processes, MB": {
            "at 10 % done": round(memory[0]),
            "most": round(max(memory)),
            "at the end": round(memory[-1]),
        },
    }


def burst(line: Line, uploads: int, seed: int, patience: float) -> dict[str, object]:
    """One burst on a running line; `wrong` in the answer is empty if every promise was kept."""
    without_doubt(line.site)
    traffic, rng = Traffic(line.site), random.Random(seed)
    client("events").disable_rule(Name=UPLOADS_RULE)  # The events are sent by hand, in an order of their own.
    numbered = list(enumerate(keys(uploads)))
    rng.shuffle(numbered)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sent = list(pool.map(lambda one: traffic.upload(one[1], traffic.photo(one[0])), numbered))
    began = time.monotonic()
    sender = threading.Thread(target=send, args=(line.site.intake_queue_url, events(sent, rng)))
    sender.start()
    samples = list(watched(traffic, uploads, patience))
    sender.join()
    client("events").enable_rule(Name=UPLOADS_RULE)
    while traffic.open() and time.monotonic() - began < patience:
        time.sleep(1)
    traffic.stop()
    report = traffic.audit()
    seconds = [at - began for at in traffic.told_at.values()]
    return {
        "seed": seed,
        **figures(samples, seconds),
        "announcements": traffic.copies,
        "balance": str(report.balance),
        "clean": report.clean,
        "wrong": traffic.complaints(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.burst", description=__doc__)
    parser.add_argument("--uploads", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=0, help="first port; free ones unless told otherwise")
    wanted = parser.parse_args()
    print(machine(), flush=True)
    with trained_line(wanted.port) as line:
        told = burst(line, wanted.uploads, wanted.seed, patience=3 * wanted.uploads)
    print(json.dumps(told, indent=2))
    return 1 if told["wrong"] or not told["clean"] else 0


if __name__ == "__main__":
    sys.exit(main())
