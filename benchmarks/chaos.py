"""A line under load whose processes are killed and paused at random, and the audit at the end.

    .venv/bin/python -m benchmarks.chaos [--minutes 10] [--photos 2000] [--kills 80] [--seed 1]

Lambda functions, the model service, Step Functions, the review app: SIGKILL and SIGSTOP. Events come twice
and late, names are used again, the model stops and starts and is throttled, a person decides meanwhile. The
local AWS itself is paused, not killed: it would lose what it had not saved. One seed gives one plan.
"""

import argparse
import json
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from urllib.request import Request, urlopen

from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.machine import machine
from benchmarks.processes import family
from benchmarks.traffic import Sent, Traffic, trained_line
from local.line import Line
from workflow.aws.clients import client
from workflow.errors import PartcheckError
from workflow.inspections.verdict import Verdict
from workflow.recovery.reconcile import reconcile

VICTIMS = {"functions": 20, "custom-labels": 5, "review-app": 4, "step-functions": 1}
FAULTS = (BotoCoreError, ClientError, PartcheckError, OSError)


@dataclass
class Chaos:
    """What is done to one line; `happened` counts it."""

    line: Line
    seed: int
    happened: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.over = threading.Event()

    def strike(self) -> None:
        """Kill a process, or pause it for some seconds."""
        victim = self.rng.choices(list(VICTIMS), list(VICTIMS.values()))[0]
        pids = self._functions() if victim == "functions" else [self.line.child(victim).pid]
        if not pids:
            return
        pid, kills = self.rng.choice(sorted(pids)), self.rng.random() < 0.85
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL if kills else signal.SIGSTOP)
            self.happened[f"{'killed' if kills else 'paused'} {victim}"] += 1
        if not kills:
            self._wake(pid, self.rng.uniform(0.5, 8))

    def pause_everything(self) -> None:
        """The local AWS stands still for a moment."""
        pid = self.line.child("aws").pid
        os.kill(pid, signal.SIGSTOP)
        self.happened["paused aws"] += 1
        self._wake(pid, self.rng.uniform(0.5, 3))

    def throttle(self) -> None:
        """The model has no room for the next calls."""
        trouble = {"operation": "DetectCustomLabels", "error": "ThrottlingException", "times": 40}
        body = json.dumps({"troubles": [trouble]}).encode()
        address = f"{self.line.environment['AWS_ENDPOINT_URL_REKOGNITION']}/admin/rehearsal"
        with urlopen(Request(address, body, {"Content-Type": "application/json"}), timeout=10):
            self.happened["throttled the model"] += 1

    def stop_the_model(self) -> None:
        """The model stops, and starts again some seconds later."""
        arn = self.line.model_arn()
        client("rekognition").stop_project_version(ProjectVersionArn=arn)
        self.happened["stopped the model"] += 1
        self.over.wait(self.rng.uniform(3, 12))
        self.start_the_model()

    def start_the_model(self) -> None:
        """Until it runs: the service may be gone at this very moment."""
        arn = self.line.model_arn()
        for _ in range(60):
            with suppress(*FAULTS):
                client("rekognition").start_project_version(ProjectVersionArn=arn, MinInferenceUnits=1)
                return
            with suppress(*FAULTS):
                project = client("rekognition").describe_projects()["ProjectDescriptions"][0]["ProjectArn"]
                versions = client("rekognition").describe_project_versions(ProjectArn=project)
                if any(
                    one["ProjectVersionArn"] == arn and one["Status"] in ("RUNNING", "STARTING")
                    for one in versions["ProjectVersionDescriptions"]
                ):
                    return
            time.sleep(1)

    def _wake(self, pid: int, seconds: float) -> None:
        def wake() -> None:
            self.over.wait(seconds)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

        threading.Thread(target=wake).start()

    def _functions(self) -> list[int]:
        aws = self.line.child("aws").pid
        return [process.pid for process in family(aws) if process.pid != aws]


@dataclass
class Load:
    """Photos at a steady rate, some of them no photos, some under names that were used before."""

    traffic: Traffic
    rng: random.Random
    happened: Counter[str]

    def one(self, number: int) -> None:
        key = f"line-{self.rng.randint(1, 3)}/{number:05}.jpg"
        if self.rng.random() < 0.1:
            key = f"again/{self.rng.randint(1, 20)}.jpg"
        content = self.traffic.photo(number)
        if self.rng.random() < 0.03:
            content = f"no photo, number {number}".encode()
        sent = self._surely(lambda: self.traffic.upload(key, content))
        if self.rng.random() < 0.1:
            self._surely(lambda: self.traffic.event_again(sent, self.rng.choice((0, 1, 20))))
            self.happened["events again"] += 1

    def _surely(self, act: Callable[[], Sent | None]) -> Sent:
        """Whoever uploads repeats what got no answer; each repetition is a version of its own."""
        while True:
            try:
                return act()  # type: ignore[return-value]
            except FAULTS:
                self.happened["uploads repeated"] += 1
                time.sleep(0.5)


def plan(seed: int, minutes: float, kills: int) -> list[tuple[float, str]]:
    """When what happens, in seconds."""
    rng, seconds = random.Random(seed), minutes * 60
    strikes = [(rng.uniform(2, seconds), "strike") for _ in range(round(kills / 0.8))]
    others = [
        (rng.uniform(2, seconds), what)
        for what in ("pause_everything", "throttle", "stop_the_model")
        for _ in range(max(1, round(minutes * 0.8)))
    ]
    return sorted([*strikes, *others])


def torment(line: Line, traffic: Traffic, seed: int, minutes: float, photos: int, kills: int) -> Chaos:
    """Load and misfortune for so many minutes; the line's own services are started again meanwhile."""
    chaos = Chaos(line, seed)
    load = Load(traffic, random.Random(seed + 1), chaos.happened)
    began = time.monotonic()
    seconds = minutes * 60
    acts: list[tuple[float, Callable[[], object]]] = [
        (at, partial(_try, getattr(chaos, what), chaos)) for at, what in plan(seed, minutes, kills)
    ]
    acts += [(seconds * number / photos, partial(load.one, number)) for number in range(photos)]
    acts += [(at, partial(_try, partial(_decide, traffic), chaos)) for at in range(5, int(seconds), 7)]
    with ThreadPoolExecutor(24) as pool:
        for at, act in sorted(acts, key=lambda one: one[0]):
            while (wait := began + at - time.monotonic()) > 0:
                line.mend()
                time.sleep(min(wait, 0.2))
            pool.submit(act)
        chaos.over.set()
    return chaos


def _try(act: Callable[[], object], chaos: Chaos) -> None:
    try:
        act()
    except FAULTS:
        chaos.happened["strokes that met a dead service"] += 1


def _decide(traffic: Traffic) -> None:
    traffic.decide_what_waits(lambda one: Verdict.OK if int(one[:2], 16) % 2 else Verdict.DEFECT)


def recover(line: Line, traffic: Traffic, chaos: Chaos, patience: float) -> float:
    """Until every photo is settled; an operator reconciles now and then. Returns the seconds it took."""
    began = time.monotonic()
    with suppress(*FAULTS):
        address = f"{line.environment['AWS_ENDPOINT_URL_REKOGNITION']}/admin/rehearsal"
        urlopen(Request(address, method="DELETE"), timeout=10).close()
    while time.monotonic() - began < patience:
        line.mend()
        try:
            chaos.start_the_model()
            _decide(traffic)
            if len(traffic.told_at) < len(traffic.sent):
                counts = traffic.mend_what_is_open()
            elif (report := traffic.audit()).clean and not traffic.open():
                break
            else:
                counts = reconcile(traffic.mender, report.findings)
            chaos.happened.update({f"mended: {kind}": count for kind, count in counts.items()})
            print(f"{time.monotonic() - began:5.0f} s: {len(traffic.told_at):,} told, {counts}", flush=True)
        except FAULTS as fault:
            print(f"{time.monotonic() - began:5.0f} s: {fault}", flush=True)
        time.sleep(5)
    return time.monotonic() - began


def reckoning(traffic: Traffic, chaos: Chaos) -> dict[str, object]:
    """What there is to say about it, and what is wrong."""
    kills = sum(count for what, count in chaos.happened.items() if what.startswith("killed"))
    rows = [traffic.ledger.get(inspection) for inspection in traffic.sent]
    again = sum(1 for row in rows if row is not None and row.attempt > 1)
    report = traffic.audit()
    return {
        "seed": chaos.seed,
        "photos": len(traffic.sent),
        "kills": kills,
        "happened": dict(sorted(chaos.happened.items())),
        "announcements": traffic.copies,
        "inspections that took more than one attempt": again,
        "decided by a person": len(traffic.decided),
        "balance": str(report.balance),
        "clean": report.clean,
        "findings": [f"{one.kind}: {one.why}" for one in report.findings],
        "wrong": traffic.complaints(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=0, help="first port; free ones unless told otherwise")
    wanted = parser.parse_args()
    print(machine(), flush=True)
    with trained_line(wanted.port) as line:
        traffic = Traffic(line.site)
        chaos = torment(line, traffic, wanted.seed, wanted.minutes, wanted.photos, wanted.kills)
        print(f"peace after {dict(chaos.happened)}", flush=True)
        seconds = recover(line, traffic, chaos, patience=1800)
        time.sleep(2)
        traffic.stop()
        told = reckoning(traffic, chaos)
    print(json.dumps({**told, "seconds until all was settled": round(seconds)}, indent=2))
    return 1 if told["wrong"] or not told["clean"] else 0


if __name__ == "__main__":
    sys.exit(main())
