"""How fast and how good the Custom Labels service on this machine is.

    .venv/bin/python -m benchmarks.custom_labels [--train 200 2000] [--rounds 3] [--photos FOLDER]
    .venv/bin/python -m benchmarks.custom_labels --train --kills 200 [--seed 1]

Starts a service and an S3 of its own. Trains on generated parts of each size and on a set with one label for
each kind of fault; serves 1, 4 and 16 clients at once, from S3 and from bytes. FOLDER holds real photos as
train/LABEL/* and test/LABEL/*, none of a part in both. --kills ends the service that many times at random
moments of its work, and counts what was lost or left in no legal state.
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

from benchmarks.machine import machine
from local.ports import Ports
from local.sample_parts import sample_parts
from local.services import programs
from tests.integration.custom_labels.crashes import Crashes
from tests.integration.custom_labels.running import (
    CREDENTIALS,
    REGION,
    Service,
    free_port,
    source,
    until,
    upload_parts,
)
from tests.unit.local.custom_labels.workbench import line

BUCKET = "parts"
CONFIDENT = 80.0
BINS = 10


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo with what it shows."""

    key: str
    label: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The scores of one photo, and the seconds they took."""

    truth: str
    scores: dict[str, float]
    seconds: float

    @property
    def said(self) -> str:
        return max(self.scores, key=lambda label: self.scores[label])

    @property
    def confidence(self) -> float:
        return self.scores[self.said]


@contextmanager
def stand(folder: Path) -> Iterator[tuple[Service, Any]]:
    """A service, and the line's own S3."""
    port = free_port()
    aws, *_ = programs(folder / "aws", Ports(port, port, port, port))
    folder.mkdir()
    emulator = subprocess.Popen(
        [sys.executable, "-P", "-m", aws.module],
        env=os.environ | aws.environment | {"PERSIST_STATE": "0", "S3_PERSIST": "0"},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    service = Service(folder / "state", url)
    try:
        s3 = boto3.Session(region_name=REGION, **CREDENTIALS).client("s3", endpoint_url=url)
        _patiently(
            lambda: s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        )
        begun = time.perf_counter()
        service.start()
        print(f"Cold start: {time.perf_counter() - begun:.2f} s until the health check is answered")
        yield service, s3
    finally:
        service.kill()
        emulator.terminate()
        emulator.wait()


def _patiently(attempt: Callable[[], Any]) -> None:
    for _ in range(50):
        try:
            attempt()
            return
        except Exception:
            time.sleep(0.2)
    attempt()


def generated(count: int, seed: int, by_fault: bool = False) -> list[Photo]:
    return [
        Photo(f"{seed}/{part.name}", str(part.fault or "ok") if by_fault else part.label, part.content)
        for part in sample_parts(count, seed, defect_share=0.85 if by_fault else 0.5)
    ]


def from_folder(folder: Path) -> list[Photo]:
    paths = sorted(path for path in folder.glob("*/*") if path.is_file())
    return [Photo(f"real/{folder.name}/{path.name}", path.parent.name, path.read_bytes()) for path in paths]


def put(s3: Any, name: str, photos: list[Photo]) -> None:
    def upload(photo: Photo) -> str:
        s3.put_object(Bucket=BUCKET, Key=photo.key, Body=photo.content)
        return line(f"s3://{BUCKET}/{photo.key}", photo.label)

    with ThreadPoolExecutor(4) as pool:
        lines = list(pool.map(upload, photos))
    s3.put_object(Bucket=BUCKET, Key=f"{name}.manifest", Body="\n".join(lines).encode())


def trained(service: Service, name: str, test: str | None = None) -> tuple[str, float, int]:
    """The model, the seconds it took, and the peak of the memory of all processes in MiB."""
    client = service.client()
    project = client.create_project(ProjectName=name)["ProjectArn"]
    peak, done = [0], threading.Event()
    watcher = threading.Thread(target=_watch_memory, args=(service, peak, done))
    watcher.start()
    begun = time.perf_counter()
    model = client.create_project_version(
        ProjectArn=project,
        VersionName="v1",
        OutputConfig={"S3Bucket": BUCKET, "S3KeyPrefix": "out"},
        TrainingData={"Assets": [source(BUCKET, name)]},
        TestingData={"Assets": [source(BUCKET, test)]} if test else {"AutoCreate": True},
    )["ProjectVersionArn"]
    try:
        about = until(client, model, "TRAINING_COMPLETED", "TRAINING_FAILED", seconds=1800)
    finally:
        done.set()
        watcher.join()
    seconds = time.perf_counter() - begun
    assert about["Status"] == "TRAINING_COMPLETED", about["StatusMessage"]
    return model, seconds, peak[0]


def _watch_memory(service: Service, peak: list[int], done: threading.Event) -> None:
    while not done.wait(0.1):
        peak[0] = max(peak[0], sum(_memory(number, "smaps_rollup", "Pss:") for number in service.family()))


def _memory(process: int, file: str, what: str) -> int:
    """In MiB; Pss shares out what several processes have in common."""
    try:
        status = Path(f"/proc/{process}/{file}").read_text()
    except OSError:
        return 0
    return next((int(row.split()[1]) // 1024 for row in status.splitlines() if row.startswith(what)), 0)


def asked(
    service: Service, model: str, photos: list[Photo], at_once: int, inline: bool
) -> tuple[list[Answer], float]:
    client = service.client()

    def ask(photo: Photo) -> Answer:
        image = {"Bytes": photo.content} if inline else {"S3Object": {"Bucket": BUCKET, "Name": photo.key}}
        begun = time.perf_counter()
        found = client.detect_custom_labels(ProjectVersionArn=model, Image=image, MinConfidence=0)[
            "CustomLabels"
        ]
        scores = {label["Name"]: label["Confidence"] for label in found}
        return Answer(photo.label, scores, time.perf_counter() - begun)

    with ThreadPoolExecutor(at_once) as pool:
        begun = time.perf_counter()
        return list(pool.map(ask, photos)), time.perf_counter() - begun


def speed(service: Service, model: str, photos: list[Photo], rounds: int) -> None:
    print(f"\n{'from':6}{'at once':>8}{'photos/s':>10}{'spread':>14}{'p50 ms':>9}{'p95 ms':>9}")
    for inline in (False, True):
        for at_once in (1, 4, 16):
            runs = [asked(service, model, photos, at_once, inline) for _ in range(rounds)]
            rates = sorted(len(answers) / seconds for answers, seconds in runs)
            waits = [answer.seconds * 1000 for answers, _ in runs for answer in answers]
            p95 = statistics.quantiles(waits, n=20)[-1]
            print(
                f"{'bytes' if inline else 'S3':6}{at_once:>8}{statistics.median(rates):>10.1f}"
                f"{f'{rates[0]:.0f}–{rates[-1]:.0f}':>14}{statistics.median(waits):>9.0f}{p95:>9.0f}"
            )
    assert service.process is not None
    print(f"Peak memory of the serving process: {_memory(service.process.pid, 'status', 'VmHWM')} MiB")


def quality(name: str, answers: list[Answer]) -> None:
    right = [answer.said == answer.truth for answer in answers]
    sure = [answer for answer in answers if answer.confidence >= CONFIDENT]
    wrong = sum(answer.said != answer.truth for answer in sure)
    escapes = sum(answer.truth != _good(answers) and answer.said == _good(answers) for answer in sure)
    print(
        f"{name}: {len(answers)} photos, accuracy {statistics.mean(right):.3f}, "
        f"area under ROC {_area(answers):.4f}, calibration error {_calibration_error(answers):.3f}; "
        f"at {CONFIDENT / 100}: {len(sure)} confident, {wrong} of them wrong, {escapes} faulty passed as good"
    )


def _good(answers: list[Answer]) -> str:
    return next(label for label in answers[0].scores if label.startswith("ok"))


def _area(answers: list[Answer]) -> float:
    """How often a faulty part looks worse than a good one."""
    good = _good(answers)
    fine = np.array([answer.scores[good] for answer in answers if answer.truth == good])
    faulty = np.array([answer.scores[good] for answer in answers if answer.truth != good])
    return float((fine[:, None] > faulty).mean() + 0.5 * (fine[:, None] == faulty).mean())


def _calibration_error(answers: list[Answer]) -> float:
    said = np.array([answer.confidence / 100 for answer in answers])
    right = np.array([answer.said == answer.truth for answer in answers])
    bins = np.minimum((said * BINS).astype(int), BINS - 1)
    gaps = [abs(said[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in set(bins)]
    return float(sum(gaps))


def start(service: Service, model: str) -> None:
    client = service.client()
    begun = time.perf_counter()
    client.start_project_version(ProjectVersionArn=model, MinInferenceUnits=1)
    until(client, model, "RUNNING")
    print(f"Model started in {time.perf_counter() - begun:.2f} s")


def stop(service: Service, model: str) -> None:
    client = service.client()
    client.stop_project_version(ProjectVersionArn=model)
    until(client, model, "STOPPED")


def measure(service: Service, s3: Any, options: argparse.Namespace) -> None:
    fresh = generated(200, seed=77)
    put(s3, "fresh", fresh)
    for number, size in enumerate(options.train):
        put(s3, f"generated-{size}", generated(size, seed=number + 1))
        model, seconds, peak = trained(service, f"generated-{size}")
        print(f"\nTraining on {size} photos: {seconds:.1f} s, {peak} MiB in all processes")
        start(service, model)
        quality("Generated, two labels", asked(service, model, fresh, 4, inline=False)[0])
        if number == 0:
            speed(service, model, fresh, options.rounds)
        stop(service, model)
    sets = {"by-fault": (generated(640, 50, by_fault=True), generated(320, 51, by_fault=True))}
    if options.photos:
        sets["real"] = (from_folder(options.photos / "train"), from_folder(options.photos / "test"))
    for name, (train, test) in sets.items():
        put(s3, name, train)
        put(s3, f"{name}-test", test)
        model, seconds, _ = trained(service, name, f"{name}-test")
        print(f"\nTraining on {name}, {len(train)} photos: {seconds:.1f} s")
        start(service, model)
        quality(name, asked(service, model, test, 4, inline=False)[0])
        stop(service, model)


def kill(folder: Path, times: int, seed: int) -> None:
    with stand(folder) as (service, s3):
        upload_parts(s3, BUCKET, "train", 24)
        crashes = Crashes(service, seed)
        crashes.prepare()
        wrong = []
        for number in range(1, times + 1):
            wrong += [f"after kill {number}: {problem}" for problem in crashes.round()]
            if number % 20 == 0:
                print(f"{number} kills, {len(wrong)} wrong", flush=True)
        said = crashes.said
    print(
        f"{times} kills (seed {seed}) while {len(said.projects)} projects, {len(said.images)} entries and "
        f"{len(said.models) + len(said.deleted)} models were acknowledged: {len(wrong)} wrong {wrong[:5]}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=int, nargs="*", default=[200, 2000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1, help="of the moments of the kills")
    options = parser.parse_args()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if options.train:
            with stand(Path(folder) / "measured") as (service, s3):
                measure(service, s3, options)
        if options.kills:
            kill(Path(folder) / "killed", options.kills, options.seed)
    print(json.dumps({"load_after": os.getloadavg()[0]}))


if __name__ == "__main__":
    main()
