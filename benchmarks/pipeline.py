"""Throughput and latency of the pipeline on this machine, and its overhead over the functions alone.

    .venv/bin/python -m benchmarks.pipeline [--photos 300] [--concurrency 1 8 16]

Starts a temporary environment, trains a model on generated parts and inspects new ones: with 1, 8 and 16
concurrent uploads through the pipeline, then as many photos through the functions alone (claim, detect, move,
close; the same services, but no Step Functions, no Lambda and no queue), and as many executions of an empty
state machine on the same emulators (benchmarks/emulators.py), 16 at a time. The photo guard compares every
photo with a reference. Every prediction is clear (threshold 0, and a reference that stops no photo), so no
photo waits for a reviewer.

Photos per second depend on the load of the machine. The CPU time that a photo costs in each process depends
on it much less, and bounds the throughput of the machine.
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

from benchmarks.emulators import EmulatorBaseline, create_baseline
from benchmarks.host import describe_host, measure_speed
from benchmarks.processes import cpu_seconds_by_service, memory_mb
from cli.context import open_environment
from cli.sample_model import train_and_promote_sample_model
from local.environment import LocalEnvironment
from local.ports import Ports
from local.sample_parts import generate_parts
from vision.photo_measures import measure_photo
from vision.reference_fitting import fit_reference
from workflow.aws.clients import client
from workflow.aws.container import AwsContainer
from workflow.aws.stack_outputs import StackOutputs
from workflow.inspections.model_reference import parse_reference
from workflow.inspections.objects import Image, inspection_id
from workflow.pipeline.executions import execution_input

VERDICT_TIMEOUT_SECONDS = 600  # Functions that start cold on a busy machine take minutes.


@dataclass(frozen=True, slots=True, kw_only=True)
class ThroughputResult:
    """One run: photos per second, each photo's seconds from upload to verdict, CPU seconds by service."""

    concurrency: int
    per_second: float
    seconds: list[float]
    cpu_seconds: dict[str, float]

    def format_row(self, name: str) -> str:
        """Return the table row of this run."""
        p95 = statistics.quantiles(self.seconds, n=20)[-1]
        median = statistics.median(self.seconds)
        return f"{name:24} {self.concurrency:>11} {self.per_second:>10.1f} {median:>10.2f} {p95:>10.2f}"

    def format_cpu_time(self) -> str:
        """Return the CPU milliseconds per photo by service, the highest first."""
        milliseconds = {name: 1000 * value / len(self.seconds) for name, value in self.cpu_seconds.items()}
        highest_first = sorted(milliseconds.items(), key=lambda item: -item[1])
        services = ", ".join(f"{name} {value:.0f}" for name, value in highest_first)
        return f"{services}; total {sum(milliseconds.values()):.0f}"


class VerdictListener:
    """A listener to a verdict queue that sets an event for each inspection."""

    def __init__(self, queue_url: str) -> None:
        self._url = queue_url
        self._arrived: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._stopped = False
        self._threads = [threading.Thread(target=self._listen, daemon=True) for _ in range(2)]
        for thread in self._threads:
            thread.start()

    def event(self, inspection: str) -> threading.Event:
        """Return the event that is set when the verdict of an inspection arrives."""
        with self._lock:
            return self._arrived.setdefault(inspection, threading.Event())

    def stop(self) -> None:
        """Stop listening."""
        self._stopped = True
        for thread in self._threads:
            thread.join()

    def _listen(self) -> None:
        sqs = client("sqs")
        while not self._stopped:
            response = sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            for message in response.get("Messages", ()):
                self.event(json.loads(message["Body"])["inspection_id"]).set()
                sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])


def generate_photos(count: int, seed: int) -> list[bytes]:
    """Return photos of generated parts."""
    return [part.content for part in generate_parts(count, seed)]


def upload_photo(bucket: str, name: str, content: bytes) -> Image:
    """Upload one version."""
    response = client("s3").put_object(Bucket=bucket, Key=name, Body=content)
    return Image(bucket, name, response["VersionId"])


def measure_throughput(
    work: Callable[[tuple[str, bytes]], None], batch: list[bytes], concurrency: int, name: str
) -> ThroughputResult:
    """Run the work on every photo with a number of threads."""

    def run(item: tuple[str, bytes]) -> float:
        began = time.perf_counter()
        work(item)
        return time.perf_counter() - began

    items = [(f"{name}/{number:04}.jpeg", content) for number, content in enumerate(batch)]
    cpu_before, began = cpu_seconds_by_service(), time.perf_counter()
    with ThreadPoolExecutor(concurrency) as pool:
        seconds = list(pool.map(run, items))
    per_second = len(batch) / (time.perf_counter() - began)
    cpu_after = cpu_seconds_by_service()
    cpu_seconds = {name: cpu_after[name] - cpu_before.get(name, 0.0) for name in cpu_after}
    return ThroughputResult(
        concurrency=concurrency, per_second=per_second, seconds=seconds, cpu_seconds=cpu_seconds
    )


def pipeline_worker(outputs: StackOutputs, listener: VerdictListener) -> Callable[[tuple[str, bytes]], None]:
    def work(item: tuple[str, bytes]) -> None:
        image = upload_photo(outputs.inbound_bucket, *item)
        if not listener.event(inspection_id(image)).wait(VERDICT_TIMEOUT_SECONDS):
            raise TimeoutError(f"{image.key}: no verdict after {VERDICT_TIMEOUT_SECONDS} s")

    return work


def emulator_worker(
    baseline: EmulatorBaseline, listener: VerdictListener
) -> Callable[[tuple[str, bytes]], None]:
    def work(_: tuple[str, bytes]) -> None:
        name = baseline.start()
        if not listener.event(name).wait(VERDICT_TIMEOUT_SECONDS):
            raise TimeoutError(f"{name}: no message after {VERDICT_TIMEOUT_SECONDS} s")

    return work


def function_worker(outputs: StackOutputs) -> Callable[[tuple[str, bytes]], None]:
    os.environ.update(
        outputs.to_settings(),
        POWERTOOLS_TRACE_DISABLED="true",
        POWERTOOLS_METRICS_DISABLED="true",
        POWERTOOLS_METRICS_NAMESPACE="benchmark",
        POWERTOOLS_SERVICE_NAME="benchmark",
        POWERTOOLS_LOG_LEVEL="ERROR",
    )
    from lambdas import claim_upload, close_inspection, detect_labels, move_image, observability

    for name in ("add_metric", "flush_metrics"):  # They support one call at a time, as in Lambda.
        setattr(observability.metrics, name, lambda *_, **__: None)

    context: Any = SimpleNamespace(
        function_name="benchmark",
        memory_limit_in_mb=256,
        invoked_function_arn="arn:aws:lambda:eu-central-1:000000000000:function:benchmark",
        aws_request_id="benchmark",
    )

    def work(item: tuple[str, bytes]) -> None:
        image = upload_photo(outputs.filed_bucket, *item)  # Uploads to this bucket start no execution.
        now = datetime.now(UTC).isoformat()
        event = execution_input(image, now, 1)
        claim_upload.handler({"upload": event, "execution": event["execution"]}, context)
        detection = detect_labels.handler(event, context)
        move_image.handler({"inspection": event, "verdict": detection["verdict"]}, context)
        close_inspection.handler(event, context)

    return work


def set_zero_thresholds(outputs: StackOutputs) -> None:
    """Set every threshold to 0, so that every prediction is clear."""
    ssm = client("ssm")
    policy = json.loads(ssm.get_parameter(Name=outputs.policy_parameter)["Parameter"]["Value"])
    for rule in policy["labels"].values():
        rule["threshold"] = 0.0
    policy["version"] = "benchmark"
    ssm.put_parameter(Name=outputs.policy_parameter, Value=json.dumps(policy), Type="String", Overwrite=True)


def store_tolerant_reference(outputs: StackOutputs) -> None:
    """Store a reference of the model in use whose comparison is as long as any, and stops no photo."""
    container = AwsContainer(outputs.to_settings())
    fitted = fit_reference(list(map(measure_photo, generate_photos(60, seed=3))), list(map(str, range(60))))
    about = {
        "model": container.model_settings.get_model(),
        "made_at": datetime.now(UTC).isoformat(),
        "photos": {"ok": 60},
        "parts": {"ok": 60},
    }
    tolerant = {"ranges": dict.fromkeys(fitted["ranges"], (-1e6, 1e6)), "limit": 1e6}
    container.references.put(parse_reference(json.dumps({**about, **fitted, **tolerant})))


def sample_memory(samples: list[float], stop: threading.Event) -> None:
    """Append the memory of all processes (MB) every two seconds until `stop` is set."""
    while not stop.wait(2.0):
        samples.append(memory_mb())


def measure(outputs: StackOutputs, count: int, concurrency: Sequence[int]) -> Iterator[str]:
    """Run all measurements, and yield the lines of the result."""
    set_zero_thresholds(outputs)
    store_tolerant_reference(outputs)
    listener = VerdictListener(outputs.verdict_queue_url)
    pipeline = pipeline_worker(outputs, listener)
    measure_throughput(pipeline, generate_photos(32, seed=1), 16, "warm-up")
    results = [
        measure_throughput(pipeline, generate_photos(count, seed=10 + n), n, f"concurrency-{n}")
        for n in concurrency
    ]
    listener.stop()
    baseline = create_baseline()
    baseline_listener = VerdictListener(baseline.queue_url)
    emulators = emulator_worker(baseline, baseline_listener)
    measure_throughput(emulators, [b""] * 32, 16, "empty-warm-up")
    baseline_result = measure_throughput(emulators, [b""] * count, 16, "empty")
    baseline_listener.stop()
    functions = function_worker(outputs)
    measure_throughput(functions, generate_photos(16, seed=2), 8, "functions-warm-up")
    function_results = [
        measure_throughput(functions, generate_photos(count, seed=50 + n), n, f"functions-{n}")
        for n in (1, 8)
    ]
    yield f"{'':24} {'concurrency':>11} {'photos/s':>10} {'median s':>10} {'p95 s':>10}"
    for result in results:
        yield result.format_row("the pipeline")
    for result in function_results:
        yield result.format_row("the functions alone")
    yield baseline_result.format_row("the emulators alone")
    fastest = max(result.per_second for result in results)
    overhead = max(result.per_second for result in function_results) / fastest
    yield "CPU milliseconds per photo:"
    yield from (f"  concurrency {result.concurrency}: {result.format_cpu_time()}" for result in results)
    yield f"  the emulators alone: {baseline_result.format_cpu_time()}"
    latency_ratio = statistics.median(results[0].seconds) / statistics.median(function_results[0].seconds)
    yield f"pipeline overhead: {overhead:.1f} × in throughput, {latency_ratio:.1f} × in a photo's latency"
    yield f"the pipeline relative to the emulators alone: {fastest / baseline_result.per_second:.2f}"


def main() -> None:
    """Parse the arguments, start an environment and print the measurements."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.pipeline", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--photos", type=int, default=300)
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 8, 16])
    options = parser.parse_args()
    memory_samples: list[float] = [0.0]
    stop = threading.Event()
    watcher = threading.Thread(target=sample_memory, args=(memory_samples, stop))
    print(f"{describe_host()}, {options.photos} photos of 300 × 300 px per run")
    with (
        tempfile.TemporaryDirectory() as state_dir,
        LocalEnvironment(Path(state_dir), Ports.find_free(), report=print) as environment,
    ):
        watcher.start()
        try:
            train_and_promote_sample_model(
                open_environment(environment.outputs, environment.sdk_environment),
                generate_parts(160, seed=1000),
            )
            for row in measure(environment.outputs, options.photos, options.concurrency):
                print(row, flush=True)
            print(f"{measure_speed():.1f} million additions/s after the run")
        finally:
            stop.set()
            watcher.join()
    print(f"peak memory of all processes: {max(memory_samples):.0f} MB")


if __name__ == "__main__":
    main()
