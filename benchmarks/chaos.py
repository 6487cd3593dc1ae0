"""An environment under load whose processes are killed and paused at random, and the final consistency check.

    .venv/bin/python -m benchmarks.chaos [--minutes 10] [--photos 2000] [--kills 80] [--aws-kills 40]

Lambda functions, the model service, Step Functions, the review app and the local AWS get SIGKILL and SIGSTOP.
Events come twice and late, names are reused, the model stops, starts and is throttled, and a reviewer decides
meanwhile. A consumer keeps every verdict message that it reads. The seed determines the plan.
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

from benchmarks.host import describe_host
from benchmarks.processes import process_tree
from benchmarks.traffic import Traffic, UploadedPhoto, start_trained_environment
from local.environment import LocalEnvironment
from workflow.aws.clients import client
from workflow.errors import PartcheckError
from workflow.inspections.verdict import Verdict
from workflow.recovery.reconcile import reconcile

TARGET_WEIGHTS = {"functions": 20, "custom-labels": 5, "review-app": 4, "step-functions": 1}
EXPECTED_ERRORS = (BotoCoreError, ClientError, PartcheckError, OSError)


@dataclass
class ChaosMonkey:
    """The disruptions of one environment. `counts` counts them."""

    environment: LocalEnvironment
    seed: int
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.over = threading.Event()

    def disrupt_process(self) -> None:
        """Kill a process, or pause it for some seconds."""
        target = self.rng.choices(list(TARGET_WEIGHTS), list(TARGET_WEIGHTS.values()))[0]
        pids = self._function_pids() if target == "functions" else [self.environment.service(target).pid]
        if not pids:
            return
        pid, kills = self.rng.choice(sorted(pids)), self.rng.random() < 0.85
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL if kills else signal.SIGSTOP)
            self.counts[f"{'killed' if kills else 'paused'} {target}"] += 1
        if not kills:
            self._resume_later(pid, self.rng.uniform(0.5, 8))

    def kill_aws(self) -> None:
        """Kill the local AWS, with all tables and queues that it serves."""
        with suppress(ProcessLookupError):
            os.kill(self.environment.service("aws").pid, signal.SIGKILL)
            self.counts["killed aws"] += 1

    def pause_aws(self) -> None:
        """Pause the local AWS for up to three seconds."""
        pid = self.environment.service("aws").pid
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            self.counts["paused aws"] += 1
        self._resume_later(pid, self.rng.uniform(0.5, 3))

    def throttle_model(self) -> None:
        """Throttle the next 40 calls of the model."""
        error = {"operation": "DetectCustomLabels", "error": "ThrottlingException", "times": 40}
        body = json.dumps({"errors": [error]}).encode()
        url = _fault_injection_url(self.environment)
        with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=10):
            self.counts["throttled the model"] += 1

    def restart_model(self) -> None:
        """Stop the model, and start it again some seconds later."""
        arn = self.environment.current_model_arn()
        client("rekognition").stop_project_version(ProjectVersionArn=arn)
        self.counts["stopped the model"] += 1
        self.over.wait(self.rng.uniform(3, 12))
        self.start_model()

    def start_model(self) -> None:
        """Start the model. Retry until it runs, because its service may be down."""
        arn = self.environment.current_model_arn()
        for _ in range(60):
            with suppress(*EXPECTED_ERRORS):
                client("rekognition").start_project_version(ProjectVersionArn=arn, MinInferenceUnits=1)
                return
            with suppress(*EXPECTED_ERRORS):
                project = client("rekognition").describe_projects()["ProjectDescriptions"][0]["ProjectArn"]
                versions = client("rekognition").describe_project_versions(ProjectArn=project)
                if any(
                    version["ProjectVersionArn"] == arn and version["Status"] in ("RUNNING", "STARTING")
                    for version in versions["ProjectVersionDescriptions"]
                ):
                    return
            time.sleep(1)

    def _resume_later(self, pid: int, seconds: float) -> None:
        def resume() -> None:
            self.over.wait(seconds)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

        threading.Thread(target=resume).start()

    def _function_pids(self) -> list[int]:
        aws = self.environment.service("aws").pid
        return [process.pid for process in process_tree(aws) if process.pid != aws]


def _fault_injection_url(environment: LocalEnvironment) -> str:
    return f"{environment.sdk_environment['AWS_ENDPOINT_URL_REKOGNITION']}/admin/fault-injection"


@dataclass
class UploadLoad:
    """Uploads at a steady rate. Some are not photos, some reuse a name."""

    traffic: Traffic
    rng: random.Random
    counts: Counter[str]

    def upload(self, number: int) -> None:
        """Upload one photo, and sometimes send its event again."""
        key = f"line-{self.rng.randint(1, 3)}/{number:05}.jpg"
        if self.rng.random() < 0.1:
            key = f"again/{self.rng.randint(1, 20)}.jpg"
        content = self.traffic.photo(number)
        if self.rng.random() < 0.03:
            content = f"no photo, number {number}".encode()
        uploaded = self._retry(lambda: self.traffic.upload(key, content))
        if self.rng.random() < 0.1:
            self._retry(lambda: self.traffic.send_event_again(uploaded, self.rng.choice((0, 1, 20))))
            self.counts["events sent again"] += 1

    def _retry(self, call: Callable[[], UploadedPhoto | None]) -> UploadedPhoto:
        """Repeat a call until it gets a response. Each repeated upload is a version of its own."""
        while True:
            try:
                return call()  # type: ignore[return-value]
            except EXPECTED_ERRORS:
                self.counts["uploads repeated"] += 1
                time.sleep(0.5)


def plan_disruptions(seed: int, minutes: float, kills: int, aws_kills: int) -> list[tuple[float, str]]:
    """Return the disruptions as (seconds from the start, name of a ChaosMonkey method).

    The kills of the local AWS are spread evenly: five within ten seconds each of a start would end the
    environment.
    """
    rng, seconds = random.Random(seed), minutes * 60
    process_disruptions = [(rng.uniform(2, seconds), "disrupt_process") for _ in range(round(kills / 0.8))]
    others = [
        (rng.uniform(2, seconds), method)
        for method in ("pause_aws", "throttle_model", "restart_model")
        for _ in range(max(1, round(minutes * 0.8)))
    ]
    pause = seconds / max(1, aws_kills)
    killed_aws = [(pause * (number + rng.uniform(0.2, 0.8)), "kill_aws") for number in range(aws_kills)]
    return sorted([*process_disruptions, *others, *killed_aws])


def run_chaos(
    environment: LocalEnvironment,
    traffic: Traffic,
    *,
    seed: int,
    minutes: float,
    photos: int,
    kills: int,
    aws_kills: int,
) -> ChaosMonkey:
    """Run load and disruptions for some minutes. The environment restarts what dies."""
    monkey = ChaosMonkey(environment, seed)
    load = UploadLoad(traffic, random.Random(seed + 1), monkey.counts)
    began = time.monotonic()
    seconds = minutes * 60
    actions: list[tuple[float, Callable[[], object]]] = [
        (at, partial(_attempt, getattr(monkey, method), monkey))
        for at, method in plan_disruptions(seed, minutes, kills, aws_kills)
    ]
    actions += [(seconds * number / photos, partial(load.upload, number)) for number in range(photos)]
    actions += [
        (at, partial(_attempt, partial(_decide_waiting, traffic), monkey)) for at in range(5, int(seconds), 7)
    ]
    with ThreadPoolExecutor(24) as pool:
        for at, action in sorted(actions, key=lambda item: item[0]):
            while (remaining := began + at - time.monotonic()) > 0:
                environment.raise_if_failed()
                time.sleep(min(remaining, 0.2))
            pool.submit(action)
        monkey.over.set()
    return monkey


def _attempt(action: Callable[[], object], monkey: ChaosMonkey) -> None:
    try:
        action()
    except EXPECTED_ERRORS:
        monkey.counts["actions that failed on a stopped service"] += 1


def _decide_waiting(traffic: Traffic) -> None:
    traffic.decide_waiting(
        lambda inspection_id: Verdict.OK if int(inspection_id[:2], 16) % 2 else Verdict.DEFECT
    )


def recover(
    environment: LocalEnvironment, traffic: Traffic, monkey: ChaosMonkey, timeout_seconds: float
) -> float:
    """Decide and reconcile until every photo is settled. Return the seconds that it took."""
    began = time.monotonic()
    with suppress(*EXPECTED_ERRORS):
        urlopen(Request(_fault_injection_url(environment), method="DELETE"), timeout=10).close()
    while time.monotonic() - began < timeout_seconds:
        environment.raise_if_failed()
        try:
            monkey.start_model()
            _decide_waiting(traffic)
            if len(traffic.announced_at) < len(traffic.uploads):
                repairs = traffic.repair_open()
            elif (report := traffic.check_consistency()).is_clean and not traffic.count_open():
                break
            else:
                repairs = reconcile(traffic.reconciler, report.issues)
            monkey.counts.update({f"repaired: {kind}": count for kind, count in repairs.items()})
            print(
                f"{time.monotonic() - began:5.0f} s: {len(traffic.announced_at):,} announced, {repairs}",
                flush=True,
            )
        except EXPECTED_ERRORS as error:
            print(f"{time.monotonic() - began:5.0f} s: {error}", flush=True)
        time.sleep(5)
    return time.monotonic() - began


def report_result(traffic: Traffic, monkey: ChaosMonkey) -> dict[str, object]:
    """Return the counts, the consistency report and the violations."""
    kills = sum(count for name, count in monkey.counts.items() if name.startswith("killed"))
    rows = [traffic.inspections.get(inspection_id) for inspection_id in traffic.uploads]
    restarted = sum(1 for row in rows if row is not None and row.attempt > 1)
    report = traffic.check_consistency()
    return {
        "seed": monkey.seed,
        "photos": len(traffic.uploads),
        "kills": kills,
        "disruptions": dict(sorted(monkey.counts.items())),
        "announcements": traffic.announcement_count,
        "inspections with more than one attempt": restarted,
        "decided by a reviewer": len(traffic.decided),
        "balance": str(report.balance),
        "uploads that no answer acknowledged": report.balance.uploads - len(traffic.uploads),
        "consistent": report.is_clean,
        "issues": [f"{issue.kind}: {issue.reason}" for issue in report.issues],
        "violations": traffic.violations(),
    }


def main() -> int:
    """Parse the arguments, run the chaos and the recovery, print the result and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--photos", type=int, default=2000)
    parser.add_argument("--kills", type=int, default=80)
    parser.add_argument("--aws-kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=0, help="first port (default: free ports)")
    options = parser.parse_args()
    print(describe_host(), flush=True)
    with start_trained_environment(options.port) as environment:
        traffic = Traffic(outputs=environment.outputs)
        monkey = run_chaos(
            environment,
            traffic,
            seed=options.seed,
            minutes=options.minutes,
            photos=options.photos,
            kills=options.kills,
            aws_kills=options.aws_kills,
        )
        print(f"no more disruptions after {dict(monkey.counts)}", flush=True)
        seconds = recover(environment, traffic, monkey, timeout_seconds=1800)
        time.sleep(2)
        traffic.stop()
        result = report_result(traffic, monkey)
    print(json.dumps({**result, "seconds until all photos were settled": round(seconds)}, indent=2))
    return 1 if result["violations"] or not result["consistent"] else 0


if __name__ == "__main__":
    sys.exit(main())
