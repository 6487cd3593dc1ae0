"""An in-memory AWS account with a deployed template. Every service call is recorded with its role."""

import os
import threading
from collections import Counter
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

from infra.parameters import Parameters
from infra.tables import to_logical_id
from lambdas import container
from lambdas.catalog import LambdaFunction
from tests.infra.call_sites import CallSite, call_sites_on_stack
from tests.infra.conftest import FULL
from tests.infra.consumed_capacity import CapacityMeter
from tests.infra.fake_services import FakeLambdaAndLogs, FakeRekognition, FakeServiceError, FakeStepFunctions
from tests.infra.permissions import ACCOUNT, REGION, Permission, TemplateAccount, required_permissions
from tests.proof.dynamodb import InMemoryDynamoDB, InMemoryTable
from workflow import timestamps
from workflow.aws.clients import client
from workflow.aws.parameters import create_missing_parameters
from workflow.tables import TABLES

CONTEXT = SimpleNamespace(
    function_name="partcheck",
    memory_limit_in_mb=256,
    invoked_function_arn=f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:partcheck",
    aws_request_id="6f7a1a2b-5c57-4c7e-9a37-0d4e1f0e6f11",
    get_remaining_time_in_millis=lambda: 60_000,
)
NO_ROLE = ""  # The tests themselves. Their calls are not recorded.


class InMemoryStage:
    """A deployed stage. It records the permissions that each role needs, and the places of the calls."""

    def __init__(self, account: TemplateAccount) -> None:
        self.account = account
        self.recorded: set[Permission] = set()
        self.call_sites: set[CallSite] = set()
        self.role = NO_ROLE
        self.hours = 0.0
        self.refuse_copy: Callable[[Mapping[str, Any]], None] | None = None
        self.executions = FakeStepFunctions(
            account.arn(account.find_logical_id("StepFunctions::StateMachine", "StateMachine"))
        )
        self.model = FakeRekognition()
        self._requests: dict[int, Mapping[str, Any]] = {}
        tables = {f"Tables{to_logical_id(table.name)}": table for table in TABLES}
        self.tables = InMemoryDynamoDB(
            InMemoryTable(replace(tables[name[:-8]], name=name))
            for name, resource in account.resources.items()
            if resource["Type"] == "AWS::DynamoDB::Table"
        )
        self.capacity = CapacityMeter(self.tables)
        self.calls: Counter[str] = Counter()
        answers = FakeLambdaAndLogs()
        self._services = {
            "sfn": self.executions,
            "rekognition": self.model,
            "lambda": answers,
            "cloudwatch-logs": answers,
        }

    def record(self, params: Any, model: Any, **_: Any) -> None:
        """Record the permissions of a call, before it is made."""
        self._requests[threading.get_ident()] = dict(params)
        if self.role:
            self.call_sites |= call_sites_on_stack(xform_name(model.name))
            service = model.service_model.service_id.hyphenize()
            self.calls[f"{service}.{model.name}"] += 1
            for action, resource in required_permissions(service, model.name, params):
                self.recorded.add(Permission(self.role, action, resource))

    def answer(self, model: Any, **_: Any) -> Any:
        """Answer for the services that moto does not simulate here. None leaves the call to moto."""
        request = self._requests[threading.get_ident()]
        service = model.service_model.service_id.hyphenize()
        if service == "dynamodb":
            return self._call_dynamodb(xform_name(model.name), request)
        if service not in self._services:
            if model.name == "CopyObject" and self.refuse_copy is not None:
                callback, self.refuse_copy = self.refuse_copy, None
                callback(request)
                return _error_answer(412, "PreconditionFailed", Condition="If-None-Match")
            return None
        try:
            answer = getattr(self._services[service], xform_name(model.name))(request)
        except FakeServiceError as error:
            return _error_answer(400, str(error))
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {}}

    def _call_dynamodb(self, operation: str, request: Mapping[str, Any]) -> Any:
        """Use our own in-memory DynamoDB, which is a hundred times as fast as moto's."""
        try:
            return SimpleNamespace(status_code=200), self.capacity.call(operation, request)
        except ClientError as error:
            return SimpleNamespace(status_code=400), error.response

    @contextmanager
    def acting_as(self, role: str) -> Iterator[None]:
        before, self.role = self.role, role
        try:
            yield
        finally:
            self.role = before

    def call(self, function: LambdaFunction, event: Any) -> Any:
        """Call a function with its own role and its own environment variables."""
        name = function.placeholder.removesuffix("Function")
        environment = self.account.environment(
            self.account.find_logical_id("Lambda::Function", f"Functions{name}Function")
        )
        role = self.account.find_logical_id("IAM::Role", f"Functions{name}Role")
        self.calls["call"] += 1
        with pytest.MonkeyPatch.context() as patch, self.acting_as(role):
            for key, value in environment.items():
                patch.setenv(key, value)
            _clear_container()
            return import_module(f"lambdas.{function.module}").handler(event, CONTEXT)

    def variable(self, function: LambdaFunction, name: str) -> str:
        """Return the value of a function's environment variable."""
        short = function.placeholder.removesuffix("Function")
        function_id = self.account.find_logical_id("Lambda::Function", f"Functions{short}Function")
        return self.account.environment(function_id)[name]

    def now(self) -> str:
        return timestamps.format_timestamp(
            datetime.fromtimestamp(datetime.now(UTC).timestamp() + 3600 * self.hours, UTC)
        )


@contextmanager
def deployed(resources: Mapping[str, Any]) -> Iterator[InMemoryStage]:
    """Provide the account with a template's tables, buckets, queues and parameters."""
    stage = InMemoryStage(TemplateAccount(resources))
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setattr(timestamps, "now", stage.now)
        boto3.setup_default_session()
        events = boto3.DEFAULT_SESSION.events  # type: ignore[union-attr]
        events.register("provide-client-params", stage.record)
        events.register("before-call", stage.answer)
        client.cache_clear()
        _create_resources(stage.account)
        yield stage
    client.cache_clear()
    _clear_container()
    boto3.setup_default_session()


def _clear_container() -> None:
    """Clear the adapters that functions have cached with other settings."""
    for factory in vars(container).values():
        if hasattr(factory, "cache_clear"):
            factory.cache_clear()


def _create_resources(account: TemplateAccount) -> None:
    create_missing_parameters(Parameters(FULL.stage).initial_values(), {})
    for name, resource in account.resources.items():
        match resource["Type"]:
            case "AWS::S3::Bucket":
                location = {"LocationConstraint": REGION}
                bucket = account.value({"Ref": name})
                client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration=location)
                enabled = {"Status": "Enabled"}
                client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=enabled)
            case "AWS::SQS::Queue":
                client("sqs").create_queue(QueueName=name)


def _error_answer(status: int, code: str, **details: str) -> Any:
    error = {"Code": code, "Message": code, **details}
    return SimpleNamespace(status_code=status), {"Error": error, "ResponseMetadata": {}}
