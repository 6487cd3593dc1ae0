"""Photos that wait for a stopped model: one start request, all are woken, none is lost.

    .venv/bin/python -m benchmarks.parking [--uploads 500]

The model is stopped and may not start while the photos are uploaded, until all are parked. Then the capacity
policy allows starts on demand. The scheduled capacity manager does the rest.
"""

import argparse
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.burst import UPLOAD_THREADS
from benchmarks.host import describe_host
from benchmarks.pipeline import set_zero_thresholds
from benchmarks.traffic import Traffic, start_trained_environment
from local.environment import LocalEnvironment
from workflow.aws.container import AwsContainer
from workflow.aws.executions import StepFunctionsExecutions
from workflow.inspections.inspection import InspectionState
from workflow.inspections.verdict import Verdict
from workflow.models.model import ModelStatus
from workflow.models.promotion import ModelAction

STAY_STOPPED = '{"version": "stay stopped", "on_demand": false, "idle_minutes": 0}'
ON_DEMAND = '{"version": "on demand", "on_demand": true, "idle_minutes": 0}'
STATES_WITHOUT_WAIT = 8


def wait_until(condition: Callable[[], bool], timeout_seconds: float) -> float:
    """Wait until a condition holds, and return the seconds. Raise TimeoutError after the timeout."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > timeout_seconds:
            raise TimeoutError(f"it does not hold after {timeout_seconds:.0f} s")
        time.sleep(1)
    return time.monotonic() - began


def has_announced_all(traffic: Traffic, uploads: int) -> bool:
    """Decide the photos that the guard stops, and return True if every photo is announced."""
    traffic.decide_waiting(lambda _inspection: Verdict.OK)
    return len(traffic.announced_at) == uploads


def count_wait_transitions(executions: StepFunctionsExecutions, name: str) -> int:
    """Return how many states an execution entered more than one whose model answers at once."""
    history = executions.get_history(name)
    return sum("stateEnteredEventDetails" in event for event in history) - STATES_WITHOUT_WAIT


def run_parking(environment: LocalEnvironment, uploads: int, timeout_seconds: float) -> dict[str, object]:
    """Park all photos, let the model start, and return the result."""
    set_zero_thresholds(environment.outputs)
    container = AwsContainer(environment.outputs.to_settings())
    traffic, settings = Traffic(outputs=environment.outputs), container.model_settings
    arn = settings.get_model()
    settings.set_capacity_policy(STAY_STOPPED)
    container.models.stop(arn)

    def has_status(status: ModelStatus) -> bool:
        version = container.models.describe(arn)
        return version is not None and version.status is status

    def count(state: InspectionState) -> int:
        return traffic.inspections.count_recent(state, "0", uploads + 1)

    wait_until(lambda: has_status(ModelStatus.STOPPED), timeout_seconds)
    with ThreadPoolExecutor(UPLOAD_THREADS) as pool:
        list(pool.map(lambda number: traffic.upload(f"{number}.jpg", traffic.photo(number)), range(uploads)))
    parked_seconds = wait_until(lambda: count(InspectionState.PARKED) == uploads, timeout_seconds)
    rows = list(traffic.inspections.list_by_state(InspectionState.PARKED))
    in_flight = count(InspectionState.INSPECTING)
    starts = len(container.capacity_event_log.events(ModelAction.START))
    settings.set_capacity_policy(ON_DEMAND)
    start_seconds = wait_until(lambda: has_status(ModelStatus.RUNNING), timeout_seconds)
    running_at = time.monotonic()
    wait_until(lambda: has_announced_all(traffic, uploads), timeout_seconds)
    wait_until(lambda: count(InspectionState.CLOSED) == uploads, timeout_seconds)
    traffic.stop()
    announced = sorted(at - running_at for at in traffic.announced_at.values())
    transitions = Counter(count_wait_transitions(container.executions, row.owner) for row in rows)
    return {
        "photos": uploads,
        "seconds until all were parked": round(parked_seconds),
        "in flight while all are parked": in_flight,
        "start requests": len(container.capacity_event_log.events(ModelAction.START)) - starts,
        "seconds from the policy to the running model": round(start_seconds),
        "seconds from the running model to the verdict": {
            "first": round(announced[0]),
            "median": round(statistics.median(announced)),
            "last": round(announced[-1]),
        },
        "photos by transitions of their wait": dict(sorted(transitions.items())),
        "consistent": traffic.check_consistency().is_clean,
        "violations": traffic.violations(),
    }


def main() -> int:
    """Parse the arguments, run the benchmark, print its result and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parking", description=__doc__)
    parser.add_argument("--uploads", type=int, default=500)
    parser.add_argument("--port", type=int, default=0, help="first port (default: free ports)")
    options = parser.parse_args()
    print(describe_host(), flush=True)
    with start_trained_environment(options.port) as environment:
        result = run_parking(environment, options.uploads, timeout_seconds=600 + 10 * options.uploads)
    print(json.dumps(result, indent=2))
    failed = result["violations"] or not result["consistent"] or result["start requests"] != 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
