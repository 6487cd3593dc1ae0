"""An AWS account as `partcheck stage` meets it: answers in AWS's shapes and order, with AWS's errors.

CloudFormation, Step Functions, DynamoDB, EventBridge and Lambda are fakes. moto answers for S3, SSM and STS.
Time passes only when the code sleeps: each second, living parts of the stage do their work.
"""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore import xform_name
from botocore.validate import validate_parameters
from moto import mock_aws

from workflow.aws.clients import client
from workflow.models.model import MonotonicClock

REGION, ACCOUNT = "eu-central-1", "123456789012"
PREFIX = f"arn:aws:{{}}:{REGION}:{ACCOUNT}:"
MACHINE = f"{PREFIX.format('states')}stateMachine:partcheck-dev"
INTAKE = "a14a4a5e-0f3c-4b51-9f5c-0a5d2b3a7c11"  # The mapping from the intake queue.
STACK_ID = f"{PREFIX.format('cloudformation')}stack/partcheck-dev/1"
CHANGE_SET = f"{PREFIX.format('cloudformation')}changeSet/plan/1"
PLATFORM = f"arn:aws:elasticbeanstalk:{REGION}::platform/Python 3.13 running on 64bit Amazon Linux 2023/4.9.2"
TABLES = ("partcheck-dev-TablesInspections", "partcheck-dev-TablesAudit")
RESOURCES = {
    "StorageInbound": ("AWS::S3::Bucket", "partcheck-dev-storageinbound"),
    **{name.removeprefix("partcheck-dev-"): ("AWS::DynamoDB::Table", name) for name in TABLES},
    "EventRulesUploads": ("AWS::Events::Rule", "uploads"),
    "EventRulesScheduleReconcile": ("AWS::Events::Rule", "reconcile"),
    "FunctionsStartInspectionMapping": ("AWS::Lambda::EventSourceMapping", INTAKE),
    "StateMachine": ("AWS::StepFunctions::StateMachine", MACHINE),
}
TEMPLATE = json.dumps({"Resources": {name: {"Type": kind} for name, (kind, _) in RESOURCES.items()}})
OUTPUTS = {"UserPoolId": "eu-central-1_pool", "ReviewAppUrl": "https://d111111abcdef8.cloudfront.net"}
STOPS_PER_SECOND, PATIENCE_SECONDS = 25, 600


class AwsError(Exception):
    """An error of a service: its code and its message."""


class AwsAccount:
    """One account and region with at most the stack `partcheck-dev`. `calls` are the operations in order."""

    def __init__(self) -> None:
        self.seconds, self.calls = 0.0, list[str]()
        self.status, self.events, self.template = "", list[dict[str, Any]](), ""
        self.next_template = TEMPLATE
        self.failing_resource, self.rejection, self.validation_errors = "", "", list[dict[str, str]]()
        self.tables = {name: {"status": "ACTIVE", "protected": True, "since": 0.0} for name in TABLES}
        self.executions, self.attempts = dict[str, str](), Counter[str]()
        self.enabled = {"uploads", "reconcile", INTAKE}
        self.waiting_uploads, self.late_starts = 0, 0
        self.concurrency, self.platforms = 1000, [PLATFORM]
        self.prefix_lists, self.outputs = ["pl-a3a144ca"], dict(OUTPUTS)
        self.test_state_error, self.ignored_retries = tuple[str, ...](), False
        self.users = dict[str, str]()  # The status of each account.
        self.roles, self.mails = list[tuple[str, str]](), list[str]()
        self.waiting_for_executions = self.stops_this_second = 0
        self.replaced = tuple(RESOURCES)  # The resources that a change set with `replacement` replaces.
        self.refusals, self.replacement = dict[str, tuple[str, str]](), "False"
        self._requests = dict[int, Mapping[str, Any]]()

    # Time.

    def sleep(self, seconds: float) -> None:
        """Let time pass. A second is long enough for the stage's own functions to act once."""
        self.seconds += seconds
        self.stops_this_second = max(0, self.stops_this_second - int(seconds * STOPS_PER_SECOND + 0.5))
        if seconds >= 1:
            self._act()

    def _act(self) -> None:
        if "reconcile" in self.enabled and self.status != "DELETE_COMPLETE":
            for name in [name for name, status in self.executions.items() if status == "ABORTED"]:
                self._start(f"{name.rpartition('-')[0]}-{int(name.rpartition('-')[2]) + 1}")
        if self.waiting_uploads and INTAKE in self.enabled:
            self.waiting_uploads -= 1
            self._start(f"upload{self.waiting_uploads}-1")
        if self.late_starts and self.status == "DELETE_IN_PROGRESS":
            self.late_starts -= 1
            self._start(f"late{self.late_starts}-1")

    def _start(self, name: str) -> None:
        self.executions.setdefault(name, "RUNNING")

    @property
    def running(self) -> list[str]:
        return [name for name, status in self.executions.items() if status == "RUNNING"]

    # CloudFormation.

    def synthesise(self, _settings: object, out: Path, with_packages: bool) -> Path:
        """Write the account's small template in place of the stage's."""
        (out / "Partcheck.assets.json").write_text(json.dumps({"files": {}}), encoding="utf-8")
        file = out / "Partcheck.template.json"
        file.write_text(self.next_template, encoding="utf-8")
        return file

    def cloudformation_describe_stacks(self, request: Mapping[str, Any]) -> Any:
        self._progress()
        by_id = request.get("StackName") == STACK_ID
        exists = self.status and (by_id or self.status != "DELETE_COMPLETE")
        if not exists and "StackName" in request:
            raise AwsError("ValidationError", f"Stack with id {request['StackName']} does not exist")
        stack: dict[str, Any] = {
            "StackId": STACK_ID,
            "StackName": "partcheck-dev",
            "StackStatus": self.status,
        }
        stack |= {"CreationTime": datetime(2026, 1, 1, tzinfo=UTC)}
        if self.template:
            outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]
            stack |= {"Outputs": outputs}
        return {"Stacks": [stack] if exists else []}

    def _progress(self) -> None:
        """End an operation. A state machine is deleted only when all its executions have ended."""
        if self.status in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
            kind, failed = self.status.removesuffix("_IN_PROGRESS"), bool(self.failing_resource)
            if failed:
                self._event(self.failing_resource, f"{kind}_FAILED", "Environment did not stabilize")
            undone = "ROLLBACK_COMPLETE" if kind == "CREATE" else "UPDATE_ROLLBACK_COMPLETE"
            self.status = undone if failed else f"{kind}_COMPLETE"
        elif self.status == "DELETE_IN_PROGRESS" and self.running:
            if self.seconds - self.waiting_for_executions > PATIENCE_SECONDS:
                self._event("StateMachine", "DELETE_FAILED", "stuck in DELETING")
                self.status = "DELETE_FAILED"
        elif self.status == "DELETE_IN_PROGRESS" and not self.late_starts:
            self.status = "DELETE_COMPLETE"

    def _event(self, name: str, status: str, reason: str = "") -> None:
        event = {"EventId": str(len(self.events)), "LogicalResourceId": name, "ResourceStatus": status}
        kind = RESOURCES.get(name, ("AWS::ElasticBeanstalk::Environment", ""))[0]
        place = {"StackId": STACK_ID, "StackName": "partcheck-dev", "ResourceType": kind}
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)
        self.events.append({**event, **place, "Timestamp": at, "ResourceStatusReason": reason})

    def cloudformation_create_change_set(self, request: Mapping[str, Any]) -> Any:
        kind = "UPDATE" if self.status and self.status != "REVIEW_IN_PROGRESS" else "CREATE"
        assert request["ChangeSetType"] == kind
        key = request["TemplateURL"].rpartition("/")[2]
        bucket = request["TemplateURL"].split("/")[3]
        self.planned = client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        self.parameters = {given["ParameterKey"]: given["ParameterValue"] for given in request["Parameters"]}
        self.status = self.status or "REVIEW_IN_PROGRESS"
        return {"Id": CHANGE_SET, "StackId": STACK_ID}

    def cloudformation_describe_change_set(self, _: Mapping[str, Any]) -> Any:
        common = {"ChangeSetId": CHANGE_SET, "ChangeSetName": "plan", "StackId": STACK_ID, "StackName": "s"}
        reason = self.rejection
        if self.planned == self.template:
            reason = "The submitted information didn't contain changes. Submit different information."
        if reason:
            return {**common, "Status": "FAILED", "StatusReason": reason}
        action = "Modify" if self.template else "Add"
        changes = [
            {
                "Action": action,
                "ResourceType": kind,
                "LogicalResourceId": name,
                "Replacement": self.replacement if name in self.replaced else "False",
            }
            for name, (kind, _) in RESOURCES.items()
        ]
        listed = [{"Type": "Resource", "ResourceChange": change} for change in changes]
        return {**common, "Status": "CREATE_COMPLETE", "Changes": listed}

    def cloudformation_describe_events(self, request: Mapping[str, Any]) -> Any:
        assert request["ChangeSetName"] == CHANGE_SET
        return {"OperationEvents": [{"EventType": "VALIDATION_ERROR", **e} for e in self.validation_errors]}

    def cloudformation_delete_change_set(self, _: Mapping[str, Any]) -> Any:
        return {}

    def cloudformation_execute_change_set(self, _: Mapping[str, Any]) -> Any:
        self.status = "CREATE_IN_PROGRESS" if self.status == "REVIEW_IN_PROGRESS" else "UPDATE_IN_PROGRESS"
        self.template = self.planned
        return {}

    def cloudformation_describe_stack_events(self, _: Mapping[str, Any]) -> Any:
        return {"StackEvents": self.events[::-1]}

    def cloudformation_list_stack_resources(self, _: Mapping[str, Any]) -> Any:
        at = {"LastUpdatedTimestamp": datetime(2026, 1, 1, tzinfo=UTC), "ResourceStatus": "CREATE_COMPLETE"}
        summaries = [
            {"LogicalResourceId": name, "ResourceType": kind, "PhysicalResourceId": physical, **at}
            for name, (kind, physical) in RESOURCES.items()
        ]
        return {"StackResourceSummaries": summaries}

    def cloudformation_delete_stack(self, _: Mapping[str, Any]) -> Any:
        self.status, self.waiting_for_executions = "DELETE_IN_PROGRESS", int(self.seconds)
        return {}

    # The stage's parts.

    def eventbridge_disable_rule(self, request: Mapping[str, Any]) -> Any:
        self.enabled.discard(request["Name"])
        return {}

    def lambda_update_event_source_mapping(self, request: Mapping[str, Any]) -> Any:
        self.enabled.discard(request["UUID"])
        return {"UUID": request["UUID"], "State": "Disabling"}

    def lambda_get_account_settings(self, _: Mapping[str, Any]) -> Any:
        return {"AccountLimit": {"ConcurrentExecutions": self.concurrency}}

    def route_53_get_hosted_zone(self, request: Mapping[str, Any]) -> Any:
        if request["Id"] != "Z1":
            raise AwsError("NoSuchHostedZone", f"No hosted zone found with ID: {request['Id']}")
        return {"HostedZone": {"Id": "/hostedzone/Z1", "Name": "example.com.", "CallerReference": "1"}}

    def sfn_list_executions(self, request: Mapping[str, Any]) -> Any:
        """Return pages of 20, in an order in which a page may change between two calls."""
        if self.status == "DELETE_COMPLETE":
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{MACHINE}'")
        assert (request["stateMachineArn"], request["statusFilter"]) == (MACHINE, "RUNNING")
        names, first = sorted(self.running), int(request.get("nextToken", 0))
        page = [
            {
                "executionArn": f"{MACHINE}:{name}",
                "stateMachineArn": MACHINE,
                "name": name,
                "status": "RUNNING",
                "startDate": datetime(2026, 1, 1, tzinfo=UTC),
            }
            for name in names[first : first + 20]
        ]
        return {"executions": page} | ({"nextToken": str(first + 20)} if len(names) > first + 20 else {})

    def sfn_stop_execution(self, request: Mapping[str, Any]) -> Any:
        self.stops_this_second += 1
        if self.stops_this_second > STOPS_PER_SECOND:
            raise AwsError("ThrottlingException", "Rate exceeded")
        self.executions[request["executionArn"].rpartition(":")[2]] = "ABORTED"
        return {"stopDate": datetime(2026, 1, 1, tzinfo=UTC)}

    def sfn_test_state(self, request: Mapping[str, Any]) -> Any:
        """Run one state as Step Functions does. Where `ignored_retries` holds, errors are not retried."""
        if self.test_state_error:
            raise AwsError(*self.test_state_error)
        state = json.loads(request["definition"])["States"][request["stateName"]]
        if state["Type"] == "Fail":
            return {"status": "FAILED", "error": state["Error"], "cause": state["Cause"]}
        if state["Type"] == "Choice":
            document = json.loads(request["input"])
            holding = [rule["Next"] for rule in state["Choices"] if _holds(rule, document)]
            return {"status": "SUCCEEDED", "nextState": holding[0] if holding else state["Default"]}
        if state["Type"] == "Task":
            assert "mock" in request, "a task without a mock would call its function"
            if error := request["mock"].get("errorOutput", {}).get("error"):
                return self._handle_error(state, error, request["stateConfiguration"]["retrierRetryCount"])
        return {"status": "SUCCEEDED"} | ({"nextState": state["Next"]} if "Next" in state else {})

    def _handle_error(self, state: Mapping[str, Any], error: str, retries: int) -> Any:
        for retrier in () if self.ignored_retries else state.get("Retry", ()):
            if _matches(retrier, error):
                if retries < retrier.get("MaxAttempts", 3):
                    return {"status": "RETRIABLE", "error": error}
                break
        for catcher in state.get("Catch", ()):
            if _matches(catcher, error):
                return {"status": "CAUGHT_ERROR", "error": error, "nextState": catcher["Next"]}
        return {"status": "FAILED", "error": error}

    def dynamodb_describe_table(self, request: Mapping[str, Any]) -> Any:
        table = self._table(request)
        if table["status"] == "UPDATING" and self.seconds - table["since"] >= 2:
            table["status"] = "ACTIVE"
        if table["status"] == "DELETING":
            del self.tables[request["TableName"]]
            self._table(request)
        return {"Table": {"TableStatus": table["status"], "DeletionProtectionEnabled": table["protected"]}}

    def dynamodb_update_table(self, request: Mapping[str, Any]) -> Any:
        self._require_active(request).update(status="UPDATING", protected=False, since=self.seconds)
        return {}

    def dynamodb_delete_table(self, request: Mapping[str, Any]) -> Any:
        table = self._require_active(request)
        assert not table["protected"]
        table["status"] = "DELETING"
        return {}

    def _table(self, request: Mapping[str, Any]) -> dict[str, Any]:
        if request["TableName"] not in self.tables:
            raise AwsError("ResourceNotFoundException", "Requested resource not found")
        return self.tables[request["TableName"]]

    def _require_active(self, request: Mapping[str, Any]) -> dict[str, Any]:
        table = self._table(request)
        if table["status"] != "ACTIVE":
            raise AwsError("ResourceInUseException", f"Table is being updated: {request['TableName']}")
        return table

    def dynamodb_query(self, _: Mapping[str, Any]) -> Any:
        return {"Items": [], "Count": 0}

    def rekognition_describe_projects(self, _: Mapping[str, Any]) -> Any:
        return {"ProjectDescriptions": []}

    def resource_groups_tagging_api_get_resources(self, _: Mapping[str, Any]) -> Any:
        return {"ResourceTagMappingList": []}

    def elastic_beanstalk_list_platform_versions(self, _: Mapping[str, Any]) -> Any:
        return {"PlatformSummaryList": [{"PlatformArn": arn} for arn in self.platforms]}

    def ec2_describe_managed_prefix_lists(self, _: Mapping[str, Any]) -> Any:
        return {"PrefixLists": [{"PrefixListId": prefix_list} for prefix_list in self.prefix_lists]}

    def ec2_describe_availability_zones(self, _: Mapping[str, Any]) -> Any:
        zones = {"eu-central-1b": "euc1-az3", "eu-central-1a": "euc1-az2", "eu-central-1c": "euc1-az1"}
        return {"AvailabilityZones": [{"ZoneName": name, "ZoneId": zone} for name, zone in zones.items()]}

    def cognito_identity_provider_admin_create_user(self, request: Mapping[str, Any]) -> Any:
        name, again = request["Username"], request.get("MessageAction") == "RESEND"
        if "@" not in name:
            raise AwsError("InvalidParameterException", "Username should be an email.")
        if name in self.users and not again:
            raise AwsError("UsernameExistsException", "An account with the given email already exists.")
        if self.users.setdefault(name, "FORCE_CHANGE_PASSWORD") != "FORCE_CHANGE_PASSWORD":
            raise AwsError("UnsupportedUserStateException", f"User is already {self.users[name]}")
        self.mails.append(name)
        return {"User": {"Username": name, "UserStatus": self.users[name]}}

    def cognito_identity_provider_admin_get_user(self, request: Mapping[str, Any]) -> Any:
        return {"Username": request["Username"], "UserStatus": self.users[request["Username"]]}

    def cognito_identity_provider_admin_add_user_to_group(self, request: Mapping[str, Any]) -> Any:
        assert request["Username"] in self.users
        self.roles.append((request["Username"], request["GroupName"]))
        return {}

    def s3_put_bucket_policy(self, _: Mapping[str, Any]) -> Any:
        """Accept the policy: moto would apply its denial of HTTP to each call."""
        return {}

    # The way of a call.

    def capture(self, params: Any, **_: Any) -> None:
        self._requests[threading.get_ident()] = dict(params)

    def answer(self, model: Any, **_: Any) -> Any:
        """Answer a call in the shape of its model. None leaves it to moto."""
        service, operation = model.service_model.service_id.hyphenize(), xform_name(model.name)
        self.calls.append(f"{service.replace('-', '_')}_{operation}")
        if self.calls[-1] in self.refusals:
            code, message = self.refusals[self.calls[-1]]
            return SimpleNamespace(status_code=400), {"Error": {"Code": code, "Message": message}}
        handler = getattr(self, self.calls[-1], None)
        if handler is None:
            assert service in ("s3", "ssm", "sts"), f"{self.calls[-1]} is not simulated"
            return None
        request = self._requests[threading.get_ident()]
        validate_parameters(request, model.input_shape)
        try:
            answer = handler(request)
        except AwsError as error:
            code, message = error.args
            return SimpleNamespace(status_code=400), {"Error": {"Code": code, "Message": message}}
        validate_parameters(answer, model.output_shape) if model.output_shape else None
        return SimpleNamespace(status_code=200), {**answer, "ResponseMetadata": {}}


def _matches(rule: Mapping[str, Any], error: str) -> bool:
    task_failed = error != "States.Timeout" and "States.TaskFailed" in rule["ErrorEquals"]
    return error in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"] or task_failed


def _holds(rule: Mapping[str, Any], document: Any) -> bool:
    def read(path: str) -> Any:
        value = document
        for name in path.split(".")[1:]:
            value = value[name]
        return value

    value = read(rule["Variable"])
    if "NumericLessThanPath" in rule:
        return bool(value < read(rule["NumericLessThanPath"]))
    return bool(value == rule.get("StringEquals", rule.get("BooleanEquals")))


@contextmanager
def aws_account() -> Iterator[AwsAccount]:
    """Provide an empty account, and the clients and the clock that reach it."""
    account = AwsAccount()
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setattr("time.sleep", account.sleep)
        patch.setattr("cli.stage.destroy.CLOCK", MonotonicClock(lambda: account.seconds, account.sleep))
        patch.setattr("deployment.stacks.CloudFormationStacks.__init__.__defaults__", (None, account.sleep))
        patch.setattr("workflow.aws.clients.configure", lambda _profile, _region: None)
        patch.setattr("infra.app.synthesise", account.synthesise)
        boto3.setup_default_session()
        events = boto3.DEFAULT_SESSION.events  # type: ignore[union-attr]
        events.register("provide-client-params", account.capture)
        events.register("before-call", account.answer)
        client.cache_clear()
        yield account
    client.cache_clear()
    boto3.setup_default_session()
