"""How fast the line on this machine is, and what the workflow costs on top of the bare functions.

    .venv/bin/python -m benchmarks.line [--photos 300] [--at-once 1 8 16]

Starts a line of its own, trains a model on generated parts and inspects fresh ones: with 1, 8 and 16
uploads waiting for their verdict at any time, then as many photos through the bare functions (claim, detect,
move, close; the same services, but no Step Functions, no Lambda and no queue), and as many executions of
a state machine that does nothing through the same emulators (benchmarks/emulators.py), 16 at once. Every
photo is clear (threshold 0), so that nobody waits for a person.

Photos a second depend on what else the machine does; the processor seconds that a photo costs in each process
do so much less, and they bound what the machine can reach.
"""

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.emulators import Emulated, emulated
from benchmarks.machine import machine, speed
from benchmarks.processes import memory_mb, processor_seconds
from local.line import Line
from local.ports import Ports
from local.sample_parts import sample_parts
from workflow.aws.clients import client
from workflow.aws.site import Site
from workflow.inspections.objects import Image, inspection_id
from workflow.pipeline.intake import document


@dataclass(frozen=True, slots=True)
class Result:
    """One run: photos per second, each photo's seconds from upload to verdict, processor seconds in all."""

    at_once: int
    per_second: float
    seconds: list[float]
    spent: dict[str, float]

    def row(self, name: str) -> str:
        p95 = statistics.quantiles(self.seconds, n=20)[-1]
        median = statistics.median(self.seconds)
        return f"{name:24} {self.at_once:>7} {self.per_second:>10.1f} {median:>10.2f} {p95:>10.2f}"

    def costs(self) -> str:
        """Processor milliseconds a photo, by process, the dearest first."""
        each = {name: 1000 * seconds / len(self.seconds) for name, seconds in self.spent.items()}
        dearest = sorted(each.items(), key=lambda cost: -cost[1])
        told = ", ".join(f"{name} {ms:.0f}" for name, ms in dearest)
        return f"{told}; together {sum(each.values()):.0f}"


class Verdicts:
    """Listens to the verdict queue and wakes whoever waits for an inspection."""

    def __init__(self, queue_url: str) -> None:
        self._url = queue_url
        self._arrived: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._stopped = False
        self._threads = [threading.Thread(target=self._listen, daemon=True) for _ in range(2)]
        for thread in self._threads:
            thread.start()

    def event(self, inspection: str) -> threading.Event:
        with self._lock:
            return self._arrived.setdefault(inspection, threading.Event())

    def stop(self) -> None:
        self._stopped = True
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        sqs = client("sqs")
        while not self._stopped:
            answer = sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in answer.get("Messages", ()):
                self.event(json.loads(message["Body"])["inspection_id"]).set()
                sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])


def photos(count: int, seed: int) -> list[bytes]:
    return [part.content for part in sample_parts(count, seed)]


def put(bucket: str, name: str, content: bytes) -> Image:
    answer = client("s3").put_object(Bucket=bucket, Key=name, Body=content)
    return Image(bucket, name, answer["VersionId"])


def timed(work: Callable[[tuple[str, bytes]], None], batch: list[bytes], at_once: int, name: str) -> Result:
    """Run the work on every photo, so many at once."""

    def one(item: tuple[str, bytes]) -> float:
        began = time.perf_counter()
        work(item)
        return time.perf_counter() - began

    items = [(f"{name}/{number:04}.jpeg", content) for number, content in enumerate(batch)]
    spent, began = processor_seconds(), time.perf_counter()
    with ThreadPoolExecutor(at_once) as pool:
        seconds = list(pool.map(one, items))
    per_second = len(batch) / (time.perf_counter() - began)
    now = processor_seconds()
    return Result(at_once, per_second, seconds, {name: now[name] - spent.get(name, 0.0) for name in now})


def through_the_workflow(site: Site, verdicts: Verdicts) -> Callable[[tuple[str, bytes]], None]:
    def work(item: tuple[str, bytes]) -> None:
        image = put(site.inbound_bucket, *item)
        if not verdicts.event(inspection_id(image)).wait(120):
            raise TimeoutError(f"{image.key}: no verdict after 120 s")

    return work


def through_the_emulators(empty: Emulated, told: Verdicts) -> Callable[[tuple[str, bytes]], None]:
    def work(_: tuple[str, bytes]) -> None:
        name = empty.start()
        if not told.event(name).wait(120):
            raise TimeoutError(f"{name}: no message after 120 s")

    return work


def through_the_functions(site: Site) -> Callable[[tuple[str, bytes]], None]:
    os.environ.update(
        LEDGER_TABLE=site.ledger_table,
        AUDIT_TABLE=site.audit_table,
        FILED_BUCKET=site.filed_bucket,
        POLICY_PARAMETER=site.policy_parameter,
        MODEL_PARAMETER=site.model_parameter,
        POWERTOOLS_TRACE_DISABLED="true",
        POWERTOOLS_METRICS_DISABLED="true",
        POWERTOOLS_METRICS_NAMESPACE="benchmark",
        POWERTOOLS_SERVICE_NAME="benchmark",
        POWERTOOLS_LOG_LEVEL="ERROR",
    )
    from lambdas import claim_upload, close_inspection, detect_labels, move_image, wiring

    for name in ("add_metric", "flush_metrics"):  # Made for one call at a time, as Lambda makes them.
        setattr(wiring.metrics, name, lambda *_, **__: None)

    context: Any = SimpleNamespace(
        function_name="benchmark",
        memory_limit_in_mb=256,
        invoked_function_arn="arn:aws:lambda:eu-central-1:000000000000:function:benchmark",
        aws_request_id="benchmark",
    )

    def work(item: tuple[str, bytes]) -> None:
        image = put(site.filed_bucket, *item)  # Uploads to this bucket start no execution.
        now = datetime.now(UTC).isoformat()
        event = document(image, now, 1)
        claim_upload.handler({"upload": event, "execution": event["execution"]}, context)
        answer = detect_labels.handler(event, context)
        move_image.handler({"inspection": event, "verdict": answer["verdict"]}, context)
        close_inspection.handler(event, context)

    return work


def without_doubt(site: Site) -> None:
    """Set every threshold to 0: each photo is clear."""
    ssm = client("ssm")
    policy = json.loads(ssm.get_parameter(Name=site.policy_parameter)["Parameter"]["Value"])
    for rule in policy["labels"].values():
        rule["threshold"] = 0.0
    policy["version"] = "benchmark"
    ssm.put_parameter(Name=site.policy_parameter, Value=json.dumps(policy), Type="String", Overwrite=True)


def watch_memory(peak: list[float], stop: threading.Event) -> None:
    while not stop.wait(2.0):
        peak.append(memory_mb())


def measure(site: Site, count: int, at_once: Sequence[int]) -> Iterator[str]:
    without_doubt(site)
    verdicts = Verdicts(site.verdict_queue_url)
    workflow = through_the_workflow(site, verdicts)
    timed(workflow, photos(32, seed=1), 16, "warm-up")
    results = [timed(workflow, photos(count, seed=10 + n), n, f"at-once-{n}") for n in at_once]
    verdicts.stop()
    empty = emulated()
    told = Verdicts(empty.queue_url)
    emulators = through_the_emulators(empty, told)
    timed(emulators, [b""] * 32, 16, "empty-warm-up")
    alone = timed(emulators, [b""] * count, 16, "empty")
    told.stop()
    functions = through_the_functions(site)
    timed(functions, photos(16, seed=2), 8, "bare-warm-up")
    bare = [timed(functions, photos(count, seed=50 + n), n, f"bare-{n}") for n in (1, 8)]
    yield f"{'':24} {'at once':>7} {'photos/s':>10} {'median s':>10} {'p95 s':>10}"
    for result in results:
        yield result.row("through the workflow")
    for result in bare:
        yield result.row("the bare functions")
    yield alone.row("the emulators alone")
    fastest = max(r.per_second for r in results)
    overhead = max(r.per_second for r in bare) / fastest
    yield "processor milliseconds a photo:"
    yield from (f"  {result.at_once} at once: {result.costs()}" for result in results)
    yield f"  the emulators alone: {alone.costs()}"
    one = statistics.median(results[0].seconds) / statistics.median(bare[0].seconds)
    yield f"overhead of the workflow: {overhead:.1f} × in throughput, {one:.1f} × in time for a photo alone"
    yield f"the line against the emulators alone: {fastest / alone.per_second:.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 8, 16])
    wanted = parser.parse_args()
    peak: list[float] = [0.0]
    stop = threading.Event()
    watcher = threading.Thread(target=watch_memory, args=(peak, stop))
    print(f"{machine()}, {wanted.photos} photos of 300 × 300 px a run")
    with tempfile.TemporaryDirectory() as home, Line(Path(home), Ports.free(), report=print) as line:
        watcher.start()
        try:
            line.train(sample_parts(160, seed=1000))
            for row in measure(line.site, wanted.photos, wanted.at_once):
                print(row, flush=True)
            print(f"{speed():.1f} million additions/s after the run")
        finally:
            stop.set()
            watcher.join()
    print(f"peak memory of all processes: {max(peak):.0f} MB")


if __name__ == "__main__":
    main()
