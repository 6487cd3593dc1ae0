"""What every function shares: its logger, tracer and metrics, and the ports it reaches by its environment."""

import json
import os
import time
from functools import cache, lru_cache, partial
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor

from workflow.aws.archive import StepFunctionsHistories
from workflow.aws.detector import RekognitionDetector
from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.figures import DynamoBooks
from workflow.aws.ledger import DynamoLedger
from workflow.aws.logs import CloudWatchLogs, groups
from workflow.aws.model_record import POWER, DynamoRecord
from workflow.aws.model_settings import ParameterSettings
from workflow.aws.models import RekognitionModels
from workflow.aws.parameters import Parameters
from workflow.aws.power_store import DynamoPowerStore
from workflow.aws.queues import SqsQueue
from workflow.aws.shelf import S3Shelf
from workflow.aws.tokens import DynamoTokens
from workflow.errors import ConfigurationError
from workflow.models.capacity import Room, Waking
from workflow.models.capacity_policy import PowerPolicy
from workflow.pipeline.detection import Detector

# ASCII: a key may hold characters that some programs take for the end of a line, such as U+2028.
logger = Logger(json_serializer=partial(json.dumps, default=str, separators=(",", ":")))
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics(namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "partcheck"))


class Batch(BatchProcessor):
    """Messages of a queue, each on its own; one that fails is logged, which Powertools leaves to us."""

    def failure_handler(self, record: Any, exception: Any) -> Any:
        logger.error("message failed", exc_info=exception, extra={"message_id": record.message_id})
        return super().failure_handler(record, exception)


def setting(name: str) -> str:
    """A setting from the environment; ConfigurationError names it when it is missing or empty."""
    value = os.environ.get(name, "")
    if not value:
        raise ConfigurationError(f"the environment variable {name} is not set")
    return value


@cache
def ledger() -> DynamoLedger:
    return DynamoLedger(setting("LEDGER_TABLE"))


@cache
def shelf() -> S3Shelf:
    return S3Shelf()


@cache
def tokens() -> DynamoTokens:
    return DynamoTokens(setting("TOKEN_TABLE"))


@cache
def queue(variable: str) -> SqsQueue:
    return SqsQueue(setting(variable))


@cache
def executions() -> StepFunctionsExecutions:
    return StepFunctionsExecutions(setting("STATE_MACHINE_ARN"))


@cache
def histories() -> StepFunctionsHistories:
    return StepFunctionsHistories(StepFunctionsExecutions(setting("STATE_MACHINE_ARN")))


@cache
def logs() -> CloudWatchLogs:
    return CloudWatchLogs(executions(), groups(setting("LOG_GROUPS")))


@cache
def books() -> DynamoBooks:
    return DynamoBooks(setting("LEDGER_TABLE"), setting("NAMES_TABLE"), setting("FIGURES_TABLE"))


@cache
def parameters() -> Parameters:
    return Parameters()


def power_room(ledger_table: str, audit_table: str) -> Room:
    """What the power manager reaches: the control plane, its memory in the ledger's table, its log."""
    return Room(RekognitionModels(), DynamoPowerStore(ledger_table), DynamoRecord(audit_table, POWER))


@lru_cache(maxsize=1)
def power_policy(_minute: int) -> PowerPolicy:
    """The power policy, read once a minute however many photos wait."""
    return ParameterSettings(setting("MODEL_PARAMETER")).power()


def detector() -> Detector:
    """The model in use, which is started on demand where the power policy says so."""
    model = parameters().text(setting("MODEL_PARAMETER"))
    return Waking(
        RekognitionDetector(model),
        power_room(setting("LEDGER_TABLE"), setting("AUDIT_TABLE")),
        model if model.startswith("arn:") else "",
        lambda: power_policy(int(time.monotonic() // 60)),
    )
