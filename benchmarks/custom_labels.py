"""Measure speed and quality of the local Custom Labels service.

    .venv/bin/python -m benchmarks.custom_labels [--train 200 2000] [--rounds 3] [--photos FOLDER]
    .venv/bin/python -m benchmarks.custom_labels --train --kills 200 [--seed 1]

Starts its own service and S3. Trains on generated parts of each size, and on a set with one label for each
kind of defect. Serves 1, 4 and 16 clients at once, from S3 and from bytes. FOLDER holds real photos as
train/LABEL/* and test/LABEL/*, with no part in both. --kills kills the service that many times at random
moments, and counts lost requests and invalid states.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import numpy as np

from benchmarks.host import describe_host
from local.ports import Ports
from local.sample_parts import generate_parts
from local.services import backing_services
from tests.integration.custom_labels.crashes import CrashTest
from tests.integration.custom_labels.running import (
    CREDENTIALS,
    REGION,
    ServiceProcess,
    free_port,
    manifest_source,
    upload_parts,
    wait_for_status,
)
from tests.unit.custom_labels.in_memory_service import manifest_line

BUCKET = "parts"
CONFIDENT = 80.0
BINS = 10


@dataclass(frozen=True, slots=True)
class BenchmarkPhoto:
    """A photo with its label; `key` is its key in S3."""

    key: str
    label: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """The scores of one photo (percent by label), and the seconds that they took."""

    truth: str
    scores: dict[str, float]
    seconds: float

    @property
    def predicted(self) -> str:
        return max(self.scores, key=lambda label: self.scores[label])

    @property
    def confidence(self) -> float:
        return self.scores[self.predicted]


@contextmanager
def run_services(folder: Path) -> Iterator[tuple[ServiceProcess, Any]]:
    """Run the service and an S3 emulator."""
    port = free_port()
    aws, *_ = backing_services(
        folder / "aws", Ports(aws=port, step_functions=port, custom_labels=port, review_app=port)
    )
    folder.mkdir()
    emulator = subprocess.Popen(
        [sys.executable, "-P", "-m", aws.module, *aws.arguments],
        env=os.environ | aws.environment | {"PERSIST_STATE": "0", "S3_PERSIST": "0"},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    service = ServiceProcess(folder / "state", url)
    try:
        s3 = boto3.Session(region_name=REGION, **CREDENTIALS).client("s3", endpoint_url=url)
        _retry(
            lambda: s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        )
        began = time.perf_counter()
        service.start()
        print(f"Cold start: {time.perf_counter() - began:.2f} s until the health check is answered")
        yield service, s3
    finally:
        service.kill()
        emulator.terminate()
        emulator.wait()


def _retry(attempt: Callable[[], Any]) -> None:
    """Retry for ten seconds, until the emulator answers."""
    for _ in range(50):
        try:
            attempt()
            return
        except Exception:
            time.sleep(0.2)
    attempt()


def generate_photos(count: int, seed: int, by_defect: bool = False) -> list[BenchmarkPhoto]:
    """Generate photos with two labels, or with one label per kind of defect."""
    return [
        BenchmarkPhoto(
            f"{seed}/{part.name}", str(part.defect or "ok") if by_defect else part.label, part.content
        )
        for part in generate_parts(count, seed, defect_share=0.85 if by_defect else 0.5)
    ]


def read_photos(folder: Path) -> list[BenchmarkPhoto]:
    """Read real photos from folders named after their labels."""
    paths = sorted(path for path in folder.glob("*/*") if path.is_file())
    return [
        BenchmarkPhoto(f"real/{folder.name}/{path.name}", path.parent.name, path.read_bytes())
        for path in paths
    ]


def upload_photos(s3: Any, name: str, photos: list[BenchmarkPhoto]) -> None:
    """Upload the photos and their manifest NAME.manifest."""

    def upload(photo: BenchmarkPhoto) -> str:
        s3.put_object(Bucket=BUCKET, Key=photo.key, Body=photo.content)
        return manifest_line(f"s3://{BUCKET}/{photo.key}", photo.label)

    with ThreadPoolExecutor(4) as pool:
        lines = list(pool.map(upload, photos))
    s3.put_object(Bucket=BUCKET, Key=f"{name}.manifest", Body="\n".join(lines).encode())


def train_model(service: ServiceProcess, name: str, test: str | None = None) -> tuple[str, float, int]:
    """Train a model; returns its ARN, the seconds, and the peak memory of all processes in MiB."""
    client = service.client()
    project = client.create_project(ProjectName=name)["ProjectArn"]
    peak, finished = [0], threading.Event()
    watcher = threading.Thread(target=_watch_memory, args=(service, peak, finished))
    watcher.start()
    began = time.perf_counter()
    model = client.create_project_version(
        ProjectArn=project,
        VersionName="v1",
        OutputConfig={"S3Bucket": BUCKET, "S3KeyPrefix": "out"},
        TrainingData={"Assets": [manifest_source(BUCKET, name)]},
        TestingData={"Assets": [manifest_source(BUCKET, test)]} if test else {"AutoCreate": True},
    )["ProjectVersionArn"]
    try:
        description = wait_for_status(client, model, "TRAINING_COMPLETED", "TRAINING_FAILED", seconds=1800)
    finally:
        finished.set()
        watcher.join()
    seconds = time.perf_counter() - began
    assert description["Status"] == "TRAINING_COMPLETED", description["StatusMessage"]
    return model, seconds, peak[0]


def _watch_memory(service: ServiceProcess, peak: list[int], finished: threading.Event) -> None:
    while not finished.wait(0.1):
        peak[0] = max(peak[0], sum(_memory(pid, "smaps_rollup", "Pss:") for pid in service.process_ids()))


def _memory(pid: int, file: str, field: str) -> int:
    """Return a memory figure in MiB; Pss divides shared memory among the processes."""
    try:
        status = Path(f"/proc/{pid}/{file}").read_text()
    except OSError:
        return 0
    return next((int(row.split()[1]) // 1024 for row in status.splitlines() if row.startswith(field)), 0)


def score_photos(
    service: ServiceProcess, model: str, photos: list[BenchmarkPhoto], at_once: int, inline: bool
) -> tuple[list[ScoredAnswer], float]:
    """Score the photos with several clients; returns the scores and the seconds."""
    client = service.client()

    def score(photo: BenchmarkPhoto) -> ScoredAnswer:
        image = {"Bytes": photo.content} if inline else {"S3Object": {"Bucket": BUCKET, "Name": photo.key}}
        began = time.perf_counter()
        labels = client.detect_custom_labels(ProjectVersionArn=model, Image=image, MinConfidence=0)[
            "CustomLabels"
        ]
        scores = {label["Name"]: label["Confidence"] for label in labels}
        return ScoredAnswer(photo.label, scores, time.perf_counter() - began)

    with ThreadPoolExecutor(at_once) as pool:
        began = time.perf_counter()
        return list(pool.map(score, photos)), time.perf_counter() - began


def measure_speed(service: ServiceProcess, model: str, photos: list[BenchmarkPhoto], rounds: int) -> None:
    print(f"\n{'from':6}{'at once':>8}{'photos/s':>10}{'spread':>14}{'p50 ms':>9}{'p95 ms':>9}")
    for inline in (False, True):
        for at_once in (1, 4, 16):
            runs = [score_photos(service, model, photos, at_once, inline) for _ in range(rounds)]
            rates = sorted(len(answers) / seconds for answers, seconds in runs)
            waits = [answer.seconds * 1000 for answers, _ in runs for answer in answers]
            p95 = statistics.quantiles(waits, n=20)[-1]
            print(
                f"{'bytes' if inline else 'S3':6}{at_once:>8}{statistics.median(rates):>10.1f}"
                f"{f'{rates[0]:.0f}–{rates[-1]:.0f}':>14}{statistics.median(waits):>9.0f}{p95:>9.0f}"
            )
    assert service.process is not None
    print(f"Peak memory of the serving process: {_memory(service.process.pid, 'status', 'VmHWM')} MiB")


def print_quality(name: str, answers: list[ScoredAnswer]) -> None:
    is_correct = [answer.predicted == answer.truth for answer in answers]
    confident = [answer for answer in answers if answer.confidence >= CONFIDENT]
    wrong = sum(answer.predicted != answer.truth for answer in confident)
    escapes = sum(
        answer.truth != _ok_label(answers) and answer.predicted == _ok_label(answers) for answer in confident
    )
    print(
        f"{name}: {len(answers)} photos, accuracy {statistics.mean(is_correct):.3f}, "
        f"area under ROC {_area_under_roc(answers):.4f}, "
        f"calibration error {_calibration_error(answers):.3f}; at {CONFIDENT / 100}: "
        f"{len(confident)} confident, {wrong} of them wrong, {escapes} defects scored as sound"
    )


def _ok_label(answers: list[ScoredAnswer]) -> str:
    return next(label for label in answers[0].scores if label.startswith("ok"))


def _area_under_roc(answers: list[ScoredAnswer]) -> float:
    """Return the area under the ROC curve: how often a defective part scores lower than a sound one."""
    ok_label = _ok_label(answers)
    fine = np.array([answer.scores[ok_label] for answer in answers if answer.truth == ok_label])
    faulty = np.array([answer.scores[ok_label] for answer in answers if answer.truth != ok_label])
    return float((fine[:, None] > faulty).mean() + 0.5 * (fine[:, None] == faulty).mean())


def _calibration_error(answers: list[ScoredAnswer]) -> float:
    confidence = np.array([answer.confidence / 100 for answer in answers])
    is_correct = np.array([answer.predicted == answer.truth for answer in answers])
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [
        abs(confidence[bins == b].mean() - is_correct[bins == b].mean()) * (bins == b).mean()
        for b in set(bins)
    ]
    return float(sum(gaps))


def start_model(service: ServiceProcess, model: str) -> None:
    client = service.client()
    began = time.perf_counter()
    client.start_project_version(ProjectVersionArn=model, MinInferenceUnits=1)
    wait_for_status(client, model, "RUNNING")
    print(f"Model started in {time.perf_counter() - began:.2f} s")


def stop_model(service: ServiceProcess, model: str) -> None:
    client = service.client()
    client.stop_project_version(ProjectVersionArn=model)
    wait_for_status(client, model, "STOPPED")


def measure_all(service: ServiceProcess, s3: Any, options: argparse.Namespace) -> None:
    test_photos = generate_photos(200, seed=77)
    upload_photos(s3, "fresh", test_photos)
    for number, size in enumerate(options.train):
        upload_photos(s3, f"generated-{size}", generate_photos(size, seed=number + 1))
        model, seconds, peak = train_model(service, f"generated-{size}")
        print(f"\nTraining on {size} photos: {seconds:.1f} s, {peak} MiB in all processes")
        start_model(service, model)
        print_quality("Generated, two labels", score_photos(service, model, test_photos, 4, inline=False)[0])
        if number == 0:
            measure_speed(service, model, test_photos, options.rounds)
        stop_model(service, model)
    sets = {"by-defect": (generate_photos(640, 50, by_defect=True), generate_photos(320, 51, by_defect=True))}
    if options.photos:
        sets["real"] = (read_photos(options.photos / "train"), read_photos(options.photos / "test"))
    for name, (train, test) in sets.items():
        upload_photos(s3, name, train)
        upload_photos(s3, f"{name}-test", test)
        model, seconds, _ = train_model(service, name, f"{name}-test")
        print(f"\nTraining on {name}, {len(train)} photos: {seconds:.1f} s")
        start_model(service, model)
        print_quality(name, score_photos(service, model, test, 4, inline=False)[0])
        stop_model(service, model)


def run_crash_test(folder: Path, times: int, seed: int) -> None:
    with run_services(folder) as (service, s3):
        upload_parts(s3, BUCKET, "train", 24)
        crash_test = CrashTest(service, seed)
        crash_test.prepare()
        errors = []
        for number in range(1, times + 1):
            errors += [f"after kill {number}: {problem}" for problem in crash_test.run_round()]
            if number % 20 == 0:
                print(f"{number} kills, {len(errors)} errors", flush=True)
        acknowledged = crash_test.acknowledged
    print(
        f"{times} kills (seed {seed}) while {len(acknowledged.projects)} projects, "
        f"{len(acknowledged.images)} entries and "
        f"{len(acknowledged.models) + len(acknowledged.deleted)} models were acknowledged: "
        f"{len(errors)} errors {errors[:5]}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.custom_labels",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--train", type=int, nargs="*", default=[200, 2000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1, help="seed of the moments of the kills")
    options = parser.parse_args()
    print(describe_host(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if options.train:
            with run_services(Path(folder) / "measured") as (service, s3):
                measure_all(service, s3, options)
        if options.kills:
            run_crash_test(Path(folder) / "killed", options.kills, options.seed)
    print(json.dumps({"load_after": os.getloadavg()[0]}))


if __name__ == "__main__":
    main()
