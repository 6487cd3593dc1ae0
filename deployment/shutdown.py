"""Stops the work of a stage before its stack is deleted: its rules, its queue readers, its executions.

CloudFormation waits until all executions of a state machine have ended, and photos wait for people for days.
"""

from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from workflow.aws.clients import client
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.rate_limiter import RateLimiter

STOPS_PER_SECOND = 20.0  # Step Functions refills 25 a second in most regions.
_GONE_CODES = ("StateMachineDoesNotExist", "StateMachineDeleting", "ResourceNotFoundException")


def disable_rules(names: Iterable[str], events: Any = None) -> None:
    """Disable EventBridge rules. Otherwise uploads and schedules start executions that were stopped."""
    for name in names:
        try:
            (events or client("events")).disable_rule(Name=name)
        except ClientError as error:
            _ignore_gone(error)


def disable_queue_readers(uuids: Iterable[str], awslambda: Any = None) -> None:
    """Disable the mappings from queues to functions, so that waiting messages start nothing."""
    for uuid in uuids:
        try:
            (awslambda or client("lambda")).update_event_source_mapping(UUID=uuid, Enabled=False)
        except ClientError as error:
            _ignore_gone(error)


def stop_executions(state_machine: str, limiter: RateLimiter, stepfunctions: Any = None) -> int:
    """Stop the running executions of a state machine. Return their number, 0 if it is deleted already."""
    executions = StepFunctionsExecutions(state_machine, stepfunctions)
    try:
        running = executions.list_running()
    except ClientError as error:
        _ignore_gone(error)
        return 0
    for name in running:
        limiter.acquire()
        executions.stop(name, "The stage is deleted.")
    return len(running)


def _ignore_gone(error: ClientError) -> None:
    if error.response["Error"]["Code"] not in _GONE_CODES:
        raise error
