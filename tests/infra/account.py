"""An account in memory in which a template is deployed; every call of a service is noted with its role."""

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.books import logical
from lambdas import wiring
from lambdas.catalog import Function
from tests.infra.rights import ACCOUNT, REGION, Account, Right, needs
from tests.infra.stand_ins import Answers, Executions, Model, Refused
from tests.proof.dynamodb import MemoryDynamoDB, Stored
from workflow import timestamps
from workflow.aws.clients import client
from workflow.tables import TABLES

CONTEXT = SimpleNamespace(
    function_name="partcheck",
    memory_limit_in_mb=256,
    invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:partcheck",
    aws_request_id="6f7a1a2b-5c57-4c7e-9a37-0d4e1f0e6f11",
    get_remaining_time_in_millis=lambda: 60_000,
)
NOBODY = ""  # Tests themselves: what they call is not noted.


class Stage:
    """The account at work: `recorded` has what each role needed so far."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.recorded: set[Right] = set()
        self.role = NOBODY
        self.hours = 0.0
        self.refuse_copy: Callable[[Mapping[str, Any]], None] | None = None
        self.executions = Executions(account.arn(account.named("StepFunctions::StateMachine", "Machine")))
        self.model = Model()
        self._told: dict[int, Mapping[str, Any]] = {}
        tables = {f"Books{logical(table.name)}": table for table in TABLES}
        self.books = MemoryDynamoDB(
            Stored(replace(tables[name[:-8]], name=name))
            for name, one in account.resources.items()
            if one["Type"] == "AWS::DynamoDB::Table"
        )
        answers = Answers()
        self._services = {
            "sfn": self.executions,
            "rekognition": self.model,
            "lambda": answers,
            "cloudwatch-logs": answers,
        }

    def note(self, params: Any, model: Any, **_: Any) -> None:
        """Before each call: who makes it, and what it is about."""
        self._told[threading.get_ident()] = dict(params)
        if self.role:
            service = model.service_model.service_id.hyphenize()
            for action, resource in needs(service, model.name, params):
                self.recorded.add(Right(self.role, action, resource))

    def answer(self, model: Any, **_: Any) -> Any:
        """The answer of a service that is not moto's affair; None leaves it to moto."""
        told = self._told[threading.get_ident()]
        service = model.service_model.service_id.hyphenize()
        if service == "dynamodb":
            return self._from_books(xform_name(model.name), told)
        if service not in self._services:
            if model.name == "CopyObject" and self.refuse_copy is not None:
                there, self.refuse_copy = self.refuse_copy, None
                there(told)
                return _refusal(412, "PreconditionFailed", Condition="If-None-Match")
            return None
        try:
            answer = getattr(self._services[service], xform_name(model.name))(told)
        except Refused as error:
            return _refusal(400, str(error))
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {}}

    def _from_books(self, operation: str, told: Mapping[str, Any]) -> Any:
        """moto's DynamoDB takes a hundred times as long."""
        try:
            return SimpleNamespace(status_code=200), getattr(self.books, operation)(**told)
        except ClientError as error:
            return SimpleNamespace(status_code=400), error.response

    @contextmanager
    def acting(self, role: str) -> Iterator[None]:
        before, self.role = self.role, role
        try:
            yield
        finally:
            self.role = before

    def call(self, function: Function, event: Any) -> Any:
        """One call of a function, under its own role and with its own settings."""
        name = function.placeholder.removesuffix("Function")
        environment = self.account.environment(
            self.account.named("Lambda::Function", f"Functions{name}Function")
        )
        role = self.account.named("IAM::Role", f"Functions{name}Role")
        with pytest.MonkeyPatch.context() as patch, self.acting(role):
            for key, value in environment.items():
                patch.setenv(key, value)
            _forget_ports()
            return import_module(f"lambdas.{function.module}").handler(event, CONTEXT)

    def setting(self, function: Function, name: str) -> str:
        """What a function is told under this name."""
        short = function.placeholder.removesuffix("Function")
        found = self.account.named("Lambda::Function", f"Functions{short}Function")
        return self.account.environment(found)[name]

    def now(self) -> str:
        return timestamps.text(datetime.fromtimestamp(datetime.now(UTC).timestamp() + 3600 * self.hours, UTC))


@contextmanager
def deployed(resources: Mapping[str, Any]) -> Iterator[Stage]:
    """The account with a template's tables, buckets, queues and parameters."""
    stage = Stage(Account(resources))
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setattr(timestamps, "now", stage.now)
        boto3.setup_default_session()
        events = boto3.DEFAULT_SESSION.events  # type: ignore[union-attr]
        events.register("provide-client-params", stage.note)
        events.register("before-call", stage.answer)
        client.cache_clear()
        _make(stage.account)
        yield stage
    client.cache_clear()
    _forget_ports()
    boto3.setup_default_session()


def _forget_ports() -> None:
    """What functions made for themselves under other settings."""
    for port in vars(wiring).values():
        if hasattr(port, "cache_clear"):
            port.cache_clear()


def _make(account: Account) -> None:
    for name, one in account.resources.items():
        match one["Type"]:
            case "AWS::S3::Bucket":
                place = {"LocationConstraint": REGION}
                bucket = account.value({"Ref": name})
                client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=place)
                enabled = {"Status": "Enabled"}
                client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
            case "AWS::SQS::Queue":
                client("sqs").create_queue(QueueName=name)
            case "AWS::SSM::Parameter":
                properties = one["Properties"]
                told = {key: properties[key] for key in ("Name", "Type", "Value")}
                client("ssm").put_parameter(**told)


def _refusal(status: int, code: str, **facts: str) -> Any:
    error = {"Code": code, "Message": code, **facts}
    return SimpleNamespace(status_code=status), {"Error": error, "ResponseMetadata": {}}
