"""What every function shares: its logger, tracer and metrics, and the ports it reaches by its environment."""

import os
from functools import cache

from aws_lambda_powertools import Logger, Metrics, Tracer

from workflow.aws.executions import StepFunctionsExecutions
from workflow.aws.ledger import DynamoLedger
from workflow.aws.parameters import Parameters
from workflow.aws.queues import SqsQueue
from workflow.aws.shelf import S3Shelf
from workflow.aws.tokens import DynamoTokens
from workflow.errors import ConfigurationError

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
metrics = Metrics()


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
