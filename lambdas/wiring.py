"""What every function shares: its logger, tracer and metrics, and the ports it reaches by its environment."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor

from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.ledger import DynamoLedger
from workflow.aws.parameters import Parameters
from workflow.aws.queues import SqsQueue
from workflow.aws.shelf import S3Shelf
from workflow.aws.tokens import DynamoTokens
from workflow.errors import ConfigurationError

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics(namespace="partcheck")


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
def parameters() -> Parameters:
    return Parameters()
