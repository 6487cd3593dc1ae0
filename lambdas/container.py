"""The adapters of the functions, built from the settings."""

import os
import time
from functools import cache, lru_cache

from workflow.aws.archive import StepFunctionsHistorySource
from workflow.aws.capacity_store import DynamoCapacityStore
from workflow.aws.detector import RekognitionDetector
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.inspections import DynamoInspectionRepository
from workflow.aws.logs import CloudWatchStepLogs, parse_log_groups
from workflow.aws.metrics import DynamoArchiveIndex
from workflow.aws.model_control_plane import RekognitionModelControlPlane
from workflow.aws.model_events import CAPACITY_EVENTS, DynamoModelEventLog
from workflow.aws.model_settings import SsmModelSettings
from workflow.aws.object_store import S3ObjectStore
from workflow.aws.parameters import CachedParameterStore
from workflow.aws.queues import SqsMessageQueue
from workflow.aws.task_tokens import DynamoTaskTokenStore
from workflow.errors import ConfigurationError
from workflow.models.capacity import AutoStartingDetector, CapacityPorts
from workflow.models.capacity_policy import CapacityPolicy
from workflow.pipeline.detection import Detector


def setting(name: str) -> str:
    """Return a setting from the environment. Raise ConfigurationError if it is missing or empty."""
    value = os.environ.get(name, "")
    if not value:
        raise ConfigurationError(f"the environment variable {name} is not set")
    return value


@cache
def inspections() -> DynamoInspectionRepository:
    return DynamoInspectionRepository(setting("INSPECTIONS_TABLE"))


@cache
def objects() -> S3ObjectStore:
    return S3ObjectStore()


@cache
def task_tokens() -> DynamoTaskTokenStore:
    return DynamoTaskTokenStore(setting("TASK_TOKENS_TABLE"))


@cache
def message_queue(variable: str) -> SqsMessageQueue:
    return SqsMessageQueue(setting(variable))


@cache
def executions() -> StepFunctionsExecutions:
    return StepFunctionsExecutions(setting("STATE_MACHINE_ARN"))


@cache
def history_source() -> StepFunctionsHistorySource:
    return StepFunctionsHistorySource(StepFunctionsExecutions(setting("STATE_MACHINE_ARN")))


@cache
def step_logs() -> CloudWatchStepLogs:
    return CloudWatchStepLogs(executions(), parse_log_groups(setting("LOG_GROUPS")))


@cache
def archive_index() -> DynamoArchiveIndex:
    return DynamoArchiveIndex(
        setting("INSPECTIONS_TABLE"), setting("NAME_INDEX_TABLE"), setting("METRICS_TABLE")
    )


@cache
def parameters() -> CachedParameterStore:
    return CachedParameterStore()


def capacity_ports(inspections_table: str, audit_table: str) -> CapacityPorts:
    """Build the ports of the capacity manager: control plane, meter (in the inspections table), event log."""
    return CapacityPorts(
        RekognitionModelControlPlane(),
        DynamoCapacityStore(inspections_table),
        DynamoModelEventLog(audit_table, CAPACITY_EVENTS),
    )


@lru_cache(maxsize=1)
def capacity_policy(_minute: int) -> CapacityPolicy:
    """Return the capacity policy, read at most once a minute."""
    return SsmModelSettings(setting("MODEL_PARAMETER")).get_capacity_policy()


def detector() -> Detector:
    """Build the current model's detector, which starts the model on demand if the capacity policy says so."""
    model = parameters().text(setting("MODEL_PARAMETER"))
    return AutoStartingDetector(
        detector=RekognitionDetector(model),
        ports=capacity_ports(setting("INSPECTIONS_TABLE"), setting("AUDIT_TABLE")),
        model=model if model.startswith("arn:") else "",
        policy=lambda: capacity_policy(int(time.monotonic() // 60)),
    )
