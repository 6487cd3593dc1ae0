"""The pipeline beside a naive design on the same emulators: photos filed per second, and photos lost.

    .venv/bin/python -m benchmarks.naive [--photos 120] [--concurrency 16] [--pairs 4]

The naive design has two bare functions: an S3 event starts `detect`, which asks the model and sends the
label to a queue, and `move` copies the photo to the label's folder and deletes it. It has the pipeline's
event source, batch size 1, and the same limit of concurrent functions. It keeps no table, no history and no
verdict message.

A photo counts when its copy lies in a folder. A photo without a copy after PATIENCE_SECONDS is not filed.
Every pair runs both designs one after the other, in alternating order, in one environment.
"""

import argparse
import io
import json
import statistics
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks.host import describe_host, measure_speed
from benchmarks.pipeline import generate_photos, set_zero_thresholds, upload_photo
from benchmarks.traffic import start_trained_environment
from local.functions import ACCOUNT_CONCURRENCY, ROLE, RUNTIME
from local.settings import REGION
from workflow.aws.clients import client

INBOUND, FILED = "naive-inbound", "naive-filed"
PATIENCE_SECONDS, INTERVAL_SECONDS = 30, 0.2
_DETECT = """
import json, os, boto3
rekognition, sqs = boto3.client("rekognition"), boto3.client("sqs")

def handler(event, context):
    for record in event["Records"]:
        detail = json.loads(record["body"])["detail"]
        photo = {"Bucket": detail["bucket"]["name"], "Name": detail["object"]["key"]}
        answer = rekognition.detect_custom_labels(
            ProjectVersionArn=os.environ["MODEL"], Image={"S3Object": photo}, MinConfidence=0
        )
        best = max(answer["CustomLabels"], key=lambda label: label["Confidence"])
        message = json.dumps({"key": photo["Name"], "label": best["Name"]})
        sqs.send_message(QueueUrl=os.environ["LABELS"], MessageBody=message)
"""
_MOVE = """
import json, os, boto3
s3 = boto3.client("s3")

def handler(event, context):
    for record in event["Records"]:
        photo = json.loads(record["body"])
        source = {"Bucket": os.environ["INBOUND"], "Key": photo["key"]}
        target = f"{photo['label']}/{photo['key'].rsplit('/', 1)[-1]}"
        s3.copy_object(Bucket=os.environ["FILED"], Key=target, CopySource=source)
        s3.delete_object(**source)
"""


class FolderWatcher:
    """A watcher of a bucket that sets an event for each photo whose copy lies there."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._filed: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        self.last_filed_at = 0.0

    def event(self, name: str) -> threading.Event:
        """Return the event that is set when the photo of this name is filed."""
        with self._lock:
            return self._filed.setdefault(name, threading.Event())

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        pages = client("s3").get_paginator("list_objects_v2")
        while not self._stopped.wait(INTERVAL_SECONDS):
            for page in pages.paginate(Bucket=self._bucket):
                for entry in page.get("Contents", ()):
                    event = self.event(entry["Key"].rsplit("/", 1)[-1])
                    if not event.is_set():
                        self.last_filed_at = time.perf_counter()
                        event.set()


@dataclass(frozen=True, slots=True)
class DesignResult:
    """One run of one design: the photos that it filed a second, and those that it did not file."""

    per_second: float
    lost: int


def measure_design(
    inbound: str, filed: str, photos: list[bytes], concurrency: int, name: str
) -> DesignResult:
    """Upload the photos with a number of threads, each of which waits for its photo's copy."""
    watcher = FolderWatcher(filed)

    def run(item: tuple[str, bytes]) -> bool:
        upload_photo(inbound, *item)
        return watcher.event(item[0]).wait(PATIENCE_SECONDS)

    items = [(f"{name}-{number:04}.jpeg", content) for number, content in enumerate(photos)]
    began = time.perf_counter()
    with ThreadPoolExecutor(concurrency) as pool:
        filed_photos = sum(pool.map(run, items))
    watcher.stop()
    seconds = max(watcher.last_filed_at - began, INTERVAL_SECONDS)
    return DesignResult(per_second=filed_photos / seconds, lost=len(photos) - filed_photos)


def create_naive_design(model: str, endpoints: dict[str, str]) -> None:
    """Create the buckets, the queues, the event rule and the two functions of the naive design."""
    s3 = client("s3")
    for bucket in (INBOUND, FILED):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=INBOUND, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    uploads, labels = _create_queue("naive-uploads"), _create_queue("naive-labels")
    events = client("events")
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [INBOUND]}}}
    events.put_rule(Name="naive-uploads", EventPattern=json.dumps(pattern), State="ENABLED")
    events.put_targets(Rule="naive-uploads", Targets=[{"Id": "uploads", "Arn": uploads["QueueArn"]}])
    settings = {"MODEL": model, "LABELS": labels["QueueUrl"], "INBOUND": INBOUND, "FILED": FILED}
    for name, source, queue in (("detect", _DETECT, uploads), ("move", _MOVE, labels)):
        _create_function(f"naive-{name}", source, settings | endpoints, queue["QueueArn"])


def _create_queue(name: str) -> dict[str, str]:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "330"})["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return {"QueueUrl": url, "QueueArn": answer["Attributes"]["QueueArn"]}


def _create_function(name: str, source: str, variables: dict[str, str], queue_arn: str) -> None:
    functions, buffer = client("lambda"), io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("naive.py", source)
    functions.create_function(
        FunctionName=name,
        Runtime=RUNTIME,
        Role=ROLE,
        Handler="naive.handler",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=55,
        MemorySize=256,
        Environment={"Variables": variables},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    functions.create_event_source_mapping(
        FunctionName=name,
        EventSourceArn=queue_arn,
        BatchSize=1,
        ScalingConfig={"MaximumConcurrency": ACCOUNT_CONCURRENCY // 2},
    )


def measure_pairs(inbound: str, filed: str, photos: int, concurrency: int, pairs: int) -> Iterator[str]:
    """Run the pairs, and yield the lines of the result."""
    designs = {"pipeline": (inbound, filed), "naive": (INBOUND, FILED)}
    ratios = []
    for name, buckets in designs.items():
        measure_design(*buckets, generate_photos(min(32, photos), seed=1), concurrency, f"warm-up-{name}")
    yield f"{'pair':>4} {'pipeline/s':>11} {'lost':>5} {'naive/s':>9} {'lost':>5} {'ratio':>6}"
    for pair in range(1, pairs + 1):
        batch, results = generate_photos(photos, seed=100 + pair), dict[str, DesignResult]()
        for name in sorted(designs, reverse=pair % 2 == 1):
            results[name] = measure_design(*designs[name], batch, concurrency, f"pair-{pair}-{name}")
        ours, naive = results["pipeline"], results["naive"]
        ratios.append(ours.per_second / naive.per_second)
        figures = f"{ours.per_second:11.1f} {ours.lost:5} {naive.per_second:9.1f} {naive.lost:5}"
        yield f"{pair:4} {figures} {ratios[-1]:6.2f}"
    yield f"the pipeline files {statistics.median(ratios):.2f} of the naive rate (median of {pairs} pairs)"


@contextmanager
def _measured_host() -> Iterator[None]:
    print(describe_host(), flush=True)
    yield
    print(f"{measure_speed():.1f} million additions/s after the run", flush=True)


def main() -> None:
    """Parse the arguments, start an environment and print the comparison."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.naive", description=__doc__)
    parser.add_argument("--photos", type=int, default=120)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--pairs", type=int, default=4)
    options: Any = parser.parse_args()
    with _measured_host(), start_trained_environment(0) as environment:
        outputs, names = environment.outputs, ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_REKOGNITION")
        set_zero_thresholds(outputs)
        endpoints = {name: environment.sdk_environment[name] for name in names}
        create_naive_design(environment.current_model_arn() or "", endpoints)
        for line in measure_pairs(
            outputs.inbound_bucket,
            outputs.filed_bucket,
            options.photos,
            options.concurrency,
            options.pairs,
        ):
            print(line, flush=True)


if __name__ == "__main__":
    main()
