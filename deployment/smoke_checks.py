"""Checks of a deployed stage that need no photo: its scheduled functions, its alarms, its review app."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from urllib.error import URLError

from botocore.exceptions import ClientError

from lambdas.catalog import FUNCTIONS
from workflow.aws.clients import client

BUSY_ATTEMPTS, BUSY_SECONDS, WEB_SECONDS = 30, 2.0, 10
MODULES = frozenset(function.module for function in FUNCTIONS)


def find_scheduled_functions(functions: Mapping[str, str]) -> dict[str, str]:
    """Return the names of the scheduled functions by module. `functions` maps logical ids to names."""
    return {
        function.module: name
        for function in FUNCTIONS
        if function.schedule_minutes
        for logical_id, name in functions.items()
        if logical_id.startswith(f"Functions{function.placeholder}")
    }


def run_function(name: str, awslambda: Any = None, sleep: Callable[[float], None] = time.sleep) -> str:
    """Run a scheduled function once. Return its error, or an empty text.

    A function that runs alone is busy while its schedule runs it: then it is called again.
    """
    service = awslambda or client("lambda")
    for attempts_left in reversed(range(BUSY_ATTEMPTS)):
        try:
            answer = service.invoke(FunctionName=name, InvocationType="RequestResponse", Payload=b"{}")
            break
        except ClientError as error:
            if error.response["Error"]["Code"] != "TooManyRequestsException" or not attempts_left:
                return str(error)
            sleep(BUSY_SECONDS)
    if "FunctionError" not in answer:
        return ""
    detail = json.loads(answer["Payload"].read() or b"{}")
    return f"{detail.get('errorType', answer['FunctionError'])}: {detail.get('errorMessage', '')}"


def find_metrics(
    alarm_names: Iterable[str], resources: Iterable[str], cloudwatch: Any = None
) -> Iterator[tuple[str, str, str]]:
    """Yield the alarm, the metric and the state of each metric that has no data: its fault, or empty.

    Queues and functions have no data before their first message or call, and events none before they occur. A
    metric of an unknown resource or of an unknown function is a fault: its alarm would never be raised.
    """
    service, known = cloudwatch or client("cloudwatch"), {*resources}
    names = list(alarm_names)
    for begin in range(0, len(names), 100):
        for alarm in service.describe_alarms(AlarmNames=names[begin : begin + 100])["MetricAlarms"]:
            for metric in _metrics_of(alarm):
                if not service.list_metrics(**metric)["Metrics"]:
                    yield alarm["AlarmName"], metric["MetricName"], _explain_missing(metric, known)


def _metrics_of(alarm: Mapping[str, Any]) -> list[dict[str, Any]]:
    parts = [
        query["MetricStat"]["Metric"] for query in alarm.get("Metrics", ()) if "MetricStat" in query
    ] or [alarm]
    keys = ("Namespace", "MetricName", "Dimensions")
    return [{key: part[key] for key in keys if part.get(key)} for part in parts]


def _explain_missing(metric: Mapping[str, Any], known: set[str]) -> str:
    dimensions = {part["Name"]: part["Value"] for part in metric.get("Dimensions", ())}
    if metric["Namespace"].startswith("AWS/"):
        unknown = {value for value in dimensions.values() if value not in known}
        return f"the stage has no {', '.join(sorted(unknown))}" if unknown else ""
    service = dimensions.get("service", "")
    return "" if service in MODULES else f"no function {service!r} writes it"


def check_review_app(url: str) -> str:
    """Return why the review app does not answer at its address, or an empty text."""
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=WEB_SECONDS) as answer:  # noqa: S310
            text = answer.read(100).decode(errors="replace")
    except (URLError, OSError) as error:
        return f"{url} does not answer: {error}"
    return "" if text == "ok" else f"{url}/health answers {text!r}"
