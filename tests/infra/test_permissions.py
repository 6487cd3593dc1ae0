"""Each role's permissions fit the calls made with it, per resource. Planted deviations are found."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from lambdas import catalog
from tests.infra import user_scenarios
from tests.infra.call_sites import CallSite, call_sites_in, read_adapters
from tests.infra.conftest import Template
from tests.infra.in_memory_account import deployed
from tests.infra.permissions import ACCOUNT, REGION, STATE_MACHINE_SUFFIX, Permission, TemplateAccount
from tests.infra.scenarios import Scenarios
from workflow import state_machine_definition
from workflow.inspections.model_reference import KEY_PREFIX
from workflow.models.model import OWN_MODEL_FILES

pytestmark = pytest.mark.xdist_group("synthesised")

LOGS, TRACES = ("CreateLogStream", "PutLogEvents"), ("PutTraceSegments", "PutTelemetryRecords")
SAMPLING = ("GetSamplingRules", "GetSamplingTargets")
DELIVERY = (
    *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery", "ListLogDeliveries"),
    *("PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
)
POLLING = (
    *("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility"),
    *("GetQueueAttributes", "GetQueueUrl"),
)

# Only commands make these calls, with the permissions of the person who types them. By command:
COMMANDS_ONLY = {
    "model_control_plane.RekognitionModelControlPlane.delete": "model delete",
    "model_control_plane.RekognitionModelControlPlane.describe": "model promote, model start, model stop",
    "model_control_plane.RekognitionModelControlPlane.list_projects": "model list, stage destroy",
    "model_control_plane.RekognitionModelControlPlane.train": "model train",
    "model_event_log.DynamoModelEventLog.events": "model list, model rollback, model capacity",
    "model_references.write_json": "model train, model reference",
    "model_settings.SsmModelSettings._put": "model promote, model rollback, model capacity",
    "own_models.S3OwnModels._keys": "model list, model train, model promote",
    "own_models.S3OwnModels.delete": "model delete",
    "own_models.S3OwnModels.put": "model train",
    "parameters.create_missing_parameters": "stage deploy",
    "reference_updates.S3ReferenceUpdates.delete_first": "model train, model reference",
    "reference_updates.S3ReferenceUpdates.delete_proposal": "model train, model reference",
    "uploads.S3Uploader.put": "inspect",
}


def used_by_aws(account: TemplateAccount) -> Iterator[Permission]:
    """Yield the permissions that AWS itself needs with our roles. Its calls are never recorded."""
    for function in catalog.FUNCTIONS:
        name = function.placeholder.removesuffix("Function")
        role = account.find_logical_id("IAM::Role", f"Functions{name}Role")
        log = account.arn(account.find_logical_id("Logs::LogGroup", f"Functions{name}Log"))
        yield from (Permission(role, f"logs:{action}", log) for action in LOGS)
        yield from (Permission(role, f"xray:{action}", "*") for action in TRACES)
        if function.queue:
            queue = account.arn(_find_queue(account, function.queue))
            yield from (Permission(role, f"sqs:{action}", queue) for action in POLLING)
    state_machine = account.find_logical_id("IAM::Role", "StateMachine")
    yield from (Permission(state_machine, f"logs:{action}", "*") for action in DELIVERY)
    yield from (
        Permission(state_machine, f"xray:{action}", "*")
        for action in (*TRACES, "GetSamplingRules", "GetSamplingTargets")
    )
    flow_log = account.find_logical_id("IAM::Role", "ReviewNetworkFlowLog")
    log_group = account.arn(account.find_logical_id("Logs::LogGroup", "ReviewNetworkFlowLogs"))
    yield from (Permission(flow_log, f"logs:{action}", log_group) for action in (*LOGS, "DescribeLogStreams"))
    yield from _used_by_elastic_beanstalk(account)


def _used_by_elastic_beanstalk(account: TemplateAccount) -> Iterator[Permission]:
    """Yield permissions to fetch the app and its secrets, write logs and report health."""
    role, location = account.find_logical_id("IAM::Role", "ReviewAppRole"), f"{REGION}:{ACCOUNT}"
    for secret in ("AuthenticationClientSecret", "ReviewAppSessionSecret"):
        arn = account.arn(account.find_logical_id("SecretsManager::Secret", secret))
        yield Permission(role, "secretsmanager:GetSecretValue", arn)
    yield Permission(role, "s3:GetObject", f"arn:aws:s3:::elasticbeanstalk-{REGION}-{ACCOUNT}/*")
    for kind in ("application", "environment"):
        yield Permission(
            role, "elasticbeanstalk:PutInstanceStatistics", f"arn:aws:elasticbeanstalk:{location}:{kind}/*"
        )
    for action in ("CreateLogGroup", *LOGS, "DescribeLogStreams"):
        yield Permission(role, f"logs:{action}", f"arn:aws:logs:{location}:log-group:/aws/elasticbeanstalk/*")


def used_by_state_machine(account: TemplateAccount) -> Iterator[Permission]:
    """Yield the permissions for the calls in the state machine's definition."""
    [resource] = [
        resource
        for resource in account.resources.values()
        if resource["Type"] == "AWS::StepFunctions::StateMachine"
    ]
    substitutions = resource["Properties"]["DefinitionSubstitutions"]
    values = {name: account.value(value) for name, value in substitutions.items()}
    states = json.loads(state_machine_definition.render(values))
    role = account.find_logical_id("IAM::Role", "StateMachine")
    for state in states["States"].values():
        if state["Type"] == "Task" and "sqs" in state["Resource"]:
            name = state["Parameters"]["QueueUrl"].rpartition("/")[2]
            yield Permission(role, "sqs:SendMessage", account.arn(name))
        elif state["Type"] == "Task":
            function = state.get("Parameters", {}).get("FunctionName", state["Resource"])
            yield Permission(role, "lambda:InvokeFunction", function)


def allowed_wildcards(account: TemplateAccount) -> set[str]:
    """Return the resources that may contain `*`: names that are chosen after a deployment."""
    location, state_machine = (
        f"{REGION}:{ACCOUNT}",
        account.find_logical_id("StepFunctions::StateMachine", "StateMachine"),
    )
    patterns = {"AWS::S3::Bucket": "{}/*", "AWS::Logs::LogGroup": "{}"}
    return {
        *(
            patterns[resource["Type"]].format(account.arn(name))
            for name, resource in account.resources.items()
            if resource["Type"] in patterns
        ),
        *(
            f"{account.arn(account.find_logical_id('S3::Bucket', 'StorageTraining'))}/{pattern}"
            for pattern in (f"{KEY_PREFIX}*", OWN_MODEL_FILES)
        ),
        f"arn:aws:states:{location}:execution:{state_machine}{STATE_MACHINE_SUFFIX}:*",
        f"arn:aws:states:{location}:stateMachine:{state_machine}-*",
        *(f"arn:aws:rekognition:{location}:project/{name}" for name in ("*", "*/version/*/*")),
    }


class PermissionCheck:
    """A template's permissions and the recorded calls. `find_faults` compares them for one role."""

    def __init__(
        self, account: TemplateAccount, recorded: Iterable[Permission], call_sites: set[CallSite]
    ) -> None:
        self.call_sites = call_sites
        self.permissions, self.used = (
            set(account.permissions()),
            set(recorded) | set(used_by_state_machine(account)),
        )
        self.used_by_aws, self.wildcards = set(used_by_aws(account)), allowed_wildcards(account)

    def find_faults(self, role: str, permissions: set[Permission]) -> list[str]:
        used = [permission for permission in self.used if permission.role == role]
        by_aws = {permission for permission in self.used_by_aws if permission.role == role}
        own = permissions - by_aws
        return [
            *(f"lacks {need}" for need in used if not any(held.allows(need) for held in permissions)),
            *(f"lacks {need}" for need in by_aws - permissions),
            *(f"never used: {held}" for held in own if not any(map(held.allows, used))),
            *(f"too wide: {held}" for held in own if self.is_too_wide(held, used)),
        ]

    def is_too_wide(self, permission: Permission, used: list[Permission]) -> bool:
        """Return True if a `*` is not needed, or if a narrower one is sufficient."""
        if permission.resource == "*":
            return permission.action != "rekognition:DescribeProjects"  # AWS defines no resource for it.
        if "*" in permission.action:
            return True
        if ":stateMachine:" in permission.resource and "*" in permission.resource:
            # Only this function exists before the state machine, so that it cannot name it.
            return "WaitForModel" not in permission.role or permission.resource not in self.wildcards
        if "*" in permission.resource and permission.resource not in self.wildcards:
            return True
        others = (replace(permission, resource=pattern) for pattern in self.wildcards - {permission.resource})
        covered = [need for need in used if permission.allows(need)]
        return any(permission.allows(other) and all(map(other.allows, covered)) for other in others)

    def of(self, role: str) -> set[Permission]:
        return {permission for permission in self.permissions if permission.role == role}

    @property
    def roles(self) -> list[str]:
        return sorted({permission.role for permission in self.permissions | self.used | self.used_by_aws})


@pytest.fixture(scope="module")
def check(synthesised: Template) -> PermissionCheck:
    with deployed(synthesised.resources) as stage:
        scenarios = Scenarios(stage)
        scenarios.run_all()
        user_scenarios.run_all(scenarios)
    return PermissionCheck(stage.account, stage.recorded, stage.call_sites)


def test_each_call_is_allowed_on_its_resource_and_each_permission_is_used_on_its_own(
    check: PermissionCheck,
) -> None:
    assert {role: faults for role in check.roles if (faults := check.find_faults(role, check.of(role)))} == {}


def test_every_call_in_the_adapters_is_recorded(check: PermissionCheck) -> None:
    """A call on a rare path needs a scenario, so that its permission is compared."""
    unrecorded = {site.function for site in call_sites_in(read_adapters()) - check.call_sites}

    assert unrecorded == COMMANDS_ONLY.keys()


@pytest.mark.parametrize("call", ["self._s3.delete_object(Key='a')", "self._sqs.get_paginator('query')"])
def test_a_call_that_no_scenario_makes_is_found(check: PermissionCheck, call: str) -> None:
    planted = {**read_adapters(), "planted": f"class Adapter:\n    def rare(self):\n        {call}"}
    unrecorded = {site.function for site in call_sites_in(planted) - check.call_sites}

    assert unrecorded - COMMANDS_ONLY.keys() == {"planted.Adapter.rare"}


def test_a_missing_permission_is_found(check: PermissionCheck) -> None:
    survived = [
        permission
        for permission in check.permissions
        if not check.find_faults(permission.role, check.of(permission.role) - {permission})
    ]

    assert survived == []


def test_a_wider_permission_is_found(check: PermissionCheck) -> None:
    survived = []
    for permission in check.permissions - check.used_by_aws:
        parts = permission.resource.split(":")
        wider = ("*", f"{permission.resource.rstrip('*')[:-1]}*", ":".join((*parts[:5], "*")))
        planted = {replace(permission, resource=pattern) for pattern in wider} - {permission}
        others = check.of(permission.role) - {permission}
        survived += [
            candidate for candidate in planted if not check.find_faults(permission.role, others | {candidate})
        ]

    assert survived == []


def test_a_permission_on_another_resource_or_for_another_action_is_found(check: PermissionCheck) -> None:
    resources = {permission.resource for permission in check.permissions} | {"arn:aws:s3:::foreign-bucket/*"}
    planted = set()
    for permission in check.permissions - check.used_by_aws:
        service = permission.action.split(":")[0]
        planted |= {
            replace(permission, resource=resource)
            for resource in resources
            if resource.startswith(f"arn:aws:{service}:")
        }
        planted.add(replace(permission, action=f"{service}:DeleteEverything"))

    survived = [
        candidate
        for candidate in planted - check.permissions
        if not any(held.allows(candidate) for held in check.of(candidate.role))
        and not check.find_faults(candidate.role, check.of(candidate.role) | {candidate})
    ]

    assert survived == []


@pytest.mark.parametrize("other", [{"NotAction": "s3:*"}, {"NotResource": "*"}, {"Effect": "Deny"}])
def test_an_unexpected_element_of_a_policy_is_an_error(synthesised: Template, other: dict[str, str]) -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", **other}
    policy = {"Statement": [statement]}
    planted = {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": policy, "Roles": [{"Ref": "R"}]}}

    with pytest.raises(AssertionError):
        list(TemplateAccount({**synthesised.resources, "Planted": planted}).permissions())


def _find_queue(account: TemplateAccount, name: str) -> str:
    [logical_id] = [
        logical_id
        for logical_id, resource in account.resources.items()
        if resource["Type"] == "AWS::SQS::Queue" and logical_id[:-8] == f"Queues{name.capitalize()}"
    ]
    return logical_id
