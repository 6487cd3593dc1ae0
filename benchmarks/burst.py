"""A burst of thousands of photos: results, throughput, latency and memory.

    .venv/bin/python -m benchmarks.burst [--uploads 5000] [--seed 1]

A fifth of the uploads share their names, ten versions each (100 names of 5,000 uploads). All objects exist
before the first event is sent. Then the events come as S3 may send them: 5 % twice, 10 % out of order. Every
prediction is clear, so no photo needs a reviewer.
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

from benchmarks.host import describe_host
from benchmarks.pipeline import set_zero_thresholds
from benchmarks.processes import memory_mb
from benchmarks.traffic import Traffic, UploadedPhoto, start_trained_environment
from local.environment import LocalEnvironment
from local.queues import UPLOADS_RULE
from workflow import timestamps
from workflow.aws.clients import client

UPLOAD_THREADS = 12
VERSIONS_PER_SHARED_NAME = 10
MIN_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: seconds since the first event, announced photos, memory of all processes in MB."""

    seconds: float
    announced: int
    megabytes: float


def burst_keys(uploads: int) -> list[str]:
    """Return one key for each upload. A fifth of the uploads share names, ten uploads per name."""
    shared_names = uploads // 5 // VERSIONS_PER_SHARED_NAME
    shared = [
        f"shared/{number % shared_names:03}.jpg" for number in range(shared_names * VERSIONS_PER_SHARED_NAME)
    ]
    return shared + [f"unique/{number:05}.jpg" for number in range(uploads - len(shared))]


def shuffled_events(uploads: list[UploadedPhoto], rng: random.Random) -> list[str]:
    """Return the events of all uploads: 5 % of them twice, 10 % out of order."""
    order = uploads + rng.sample(uploads, len(uploads) // 20)
    for _ in range(len(order) // 10):
        order.insert(rng.randrange(len(order)), order.pop(rng.randrange(len(order))))
    return [
        json.dumps(
            {
                "time": timestamps.now(),
                "detail": {
                    "bucket": {"name": upload.image.bucket},
                    "object": {"key": upload.image.key, "version-id": upload.image.version_id},
                },
            }
        )
        for upload in order
    ]


def send_messages(url: str, bodies: list[str]) -> None:
    """Send all messages, ten per call."""
    sqs = client("sqs")
    for start in range(0, len(bodies), 10):
        batch = [
            {"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies[start : start + 10])
        ]
        failed = sqs.send_message_batch(QueueUrl=url, Entries=batch).get("Failed")
        if failed:
            raise RuntimeError(f"the queue refused {failed}")


def sample_progress(traffic: Traffic, uploads: int, timeout_seconds: float) -> Iterator[Sample]:
    """Yield a sample every few seconds until every photo is announced."""
    began, printed_at = time.monotonic(), 0.0
    while (seconds := time.monotonic() - began) < timeout_seconds:
        announced = len(traffic.announced_at)
        yield Sample(seconds, announced, memory_mb())
        if announced >= uploads:
            return
        if seconds - printed_at > 60:
            printed_at = seconds
            print(f"{seconds:5.0f} s: {announced:,} of {uploads:,}", flush=True)
        time.sleep(5)


def summarize(samples: list[Sample], announced_seconds: list[float]) -> dict[str, object]:
    """Return throughput (in all and by half, after the first tenth), latency and memory."""
    seconds = sorted(announced_seconds)
    if len(seconds) < 3:
        return {"photos": len(seconds)}
    count, last = len(seconds), seconds[-1]
    tenth, half = count // 10, count // 2
    first_rate = (half - tenth) / max(seconds[half] - seconds[tenth], MIN_SECONDS)
    second_rate = (count - 1 - half) / max(last - seconds[half], MIN_SECONDS)
    memory = [sample.megabytes for sample in samples if sample.announced >= tenth] or [samples[-1].megabytes]
    return {
        "photos": count,
        "seconds": round(last),
        "photos per second": round(count / last, 2),
        "photos per second, first half": round(first_rate, 2),
        "photos per second, second half": round(second_rate, 2),
        "seconds from the first event to the verdict": {
            "median": round(statistics.median(seconds)),
            "p95": round(statistics.quantiles(seconds, n=20)[-1]),
            "last": round(last),
        },
        "memory of all processes, MB": {
            "at 10 %": round(memory[0]),
            "maximum": round(max(memory)),
            "at the end": round(memory[-1]),
        },
    }


def run_burst(
    environment: LocalEnvironment, uploads: int, seed: int, timeout_seconds: float
) -> dict[str, object]:
    """Run one burst and return its result. `violations` is empty if every guarantee held."""
    set_zero_thresholds(environment.outputs)
    traffic, rng = Traffic(outputs=environment.outputs), random.Random(seed)
    client("events").disable_rule(Name=UPLOADS_RULE)  # This benchmark sends the events in its own order.
    numbered_keys = list(enumerate(burst_keys(uploads)))
    rng.shuffle(numbered_keys)
    with ThreadPoolExecutor(UPLOAD_THREADS) as pool:
        uploaded = list(pool.map(lambda item: traffic.upload(item[1], traffic.photo(item[0])), numbered_keys))
    began = time.monotonic()
    events = shuffled_events(uploaded, rng)
    sender = threading.Thread(target=send_messages, args=(environment.outputs.intake_queue_url, events))
    sender.start()
    samples = list(sample_progress(traffic, uploads, timeout_seconds))
    sender.join()
    client("events").enable_rule(Name=UPLOADS_RULE)
    while traffic.count_open() and time.monotonic() - began < timeout_seconds:
        time.sleep(1)
    traffic.stop()
    report = traffic.check_consistency()
    announced_seconds = [announced_at - began for announced_at in traffic.announced_at.values()]
    return {
        "seed": seed,
        **summarize(samples, announced_seconds),
        "announcements": traffic.announcement_count,
        "balance": str(report.balance),
        "consistent": report.is_clean,
        "violations": traffic.violations(),
    }


def main() -> int:
    """Parse the arguments, run the burst, print its result and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.burst", description=__doc__)
    parser.add_argument("--uploads", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=0, help="first port (default: free ports)")
    options = parser.parse_args()
    print(describe_host(), flush=True)
    with start_trained_environment(options.port) as environment:
        result = run_burst(environment, options.uploads, options.seed, timeout_seconds=3 * options.uploads)
    print(json.dumps(result, indent=2))
    return 1 if result["violations"] or not result["consistent"] else 0


if __name__ == "__main__":
    sys.exit(main())
